"""The event, which is JSON: paths into it, conditions on it, edits of it.

    text ── paths.parts_of ──▶ path ── match.Condition (regex) ──▶ true or false
                                    └─ edit.set_path ──▶ the JSON text with one place changed

Everything here takes bounded time, whatever the event holds. No event is ever changed in place, and
no message repeats a path or a value.
"""
