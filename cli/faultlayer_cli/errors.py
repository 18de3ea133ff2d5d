"""What can go wrong, in the two kinds that users tell apart by exit code.

Each is one line without a traceback: what is wrong, and what to do about it.
"""

from __future__ import annotations


class Failure(Exception):
    """The machine, the network or a file is in the way: exit code 1."""

    code = 1


class Mistake(Failure):
    """What the user asked for cannot be meant: exit code 2, and nothing was started."""

    code = 2
