"""Progress of long work: a room tells its caller, so it needs no terminal.

    room -- note("fetching the emulator (once)") --> Progress: a terminal, a page,
         -- count(3, 7) of "changing" ------------->           a test, or nobody
         -- output()(b"START RequestId: ...") ------>

Notes are whole sentences for the user. Counts are for whoever waits, and may be dropped. Output is
the log of a function.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Protocol

Output = Callable[[bytes], None]  # takes a program's output, piece by piece
Count = Callable[[int, "int | None"], None]  # done so far, and of how many (None: not known)


class Progress(Protocol):
    """Receives notes, counts and output: from one thread at a time, but for an Output."""

    def note(self, text: str) -> None:
        """Take one sentence that the user should know."""

    def output(self) -> Output:
        """Take the output of one program."""

    def counting(self, doing: str, unit: str = "") -> contextlib.AbstractContextManager[Count]:
        """Follow one piece of work, to the end of the `with` block, counted in `unit`s."""


class Silent:
    """Progress that nobody watches."""

    def note(self, text: str) -> None:
        pass

    def output(self) -> Output:
        return lambda piece: None

    @contextlib.contextmanager
    def counting(self, doing: str, unit: str = "") -> Iterator[Count]:
        yield lambda done, total: None


SILENT = Silent()
BYTES = "bytes"
