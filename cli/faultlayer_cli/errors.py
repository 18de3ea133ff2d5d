"""The kinds of error, which users tell apart by exit code.

Each is one line without a traceback: the mistake or failure, and the next step.
"""

from __future__ import annotations


class Failure(Exception):
    """The machine, the network or a file is in the way: exit code 1."""

    code = 1


class FunctionFailed(Failure):
    """A function that was invoked once did not succeed: exit code 5."""

    code = 5


class Mistake(Failure):
    """The user's mistake: exit code 2, and nothing was started or changed."""

    code = 2
