"""The event, which is JSON: paths into it, conditions on it, edits of it.

Everything here takes bounded time, whatever the event holds.
"""
