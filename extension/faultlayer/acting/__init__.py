"""Decisions carried out: the only room that changes what passes.

    targeting ── hits ── executor ── before: delay, fail, alter, hold, crash
                             │
                         pending: what is due after the function's result
                             │
                         executor ── after: responses, redelivery, release

This room never decides whether an invocation is hit.
"""
