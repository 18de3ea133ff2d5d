"""The notes and logs of several environments in one stream, line by line.

Lines of different environments never mix. They begin with the number of their environment, such as
`[2] `, once there is more than one.
"""

from __future__ import annotations

import contextlib
import threading

from faultlayer_cli.progress import Count, Output, Progress

_LONGEST = 1 << 20  # bytes of a line that are held back until its end comes


class LogLines:
    """Everything that the environments print and tell, for one `Progress`.

    `trouble` gets the notes on trouble, also if `progress` is to be quiet.
    """

    def __init__(self, progress: Progress, trouble: Progress | None = None) -> None:
        self._progress = progress
        self._trouble = trouble or progress
        self._output = progress.output()
        self._lock = threading.Lock()
        self._all: dict[int, Lines] = {}

    def of(self, number: int) -> Lines:
        """The `Progress` of this environment."""
        with self._lock:
            return self._all.setdefault(number, Lines(self, number))

    def note(self, text: str) -> None:
        """Take a note on trouble."""
        with self._lock:
            self._trouble.note(text)

    def tell(self, text: str) -> None:
        """Take any other note."""
        with self._lock:
            self._progress.note(text)

    def counting(self, doing: str, unit: str = "") -> contextlib.AbstractContextManager[Count]:
        return self._progress.counting(doing, unit)

    def output(self) -> Output:
        return self._output

    def write(self, number: int, lines: bytes) -> None:
        """Write whole lines of this environment."""
        with self._lock:
            if len(self._all) > 1:
                label = b"[%d] " % number
                lines = label + lines[:-1].replace(b"\n", b"\n" + label) + b"\n"
            self._output(lines)

    def close(self) -> None:
        """Write the last lines that have no end."""
        for lines in self._all.values():
            lines.close()


class Lines:
    """One environment's `Progress`: a line of its log is passed on when it is whole."""

    def __init__(self, target: LogLines, number: int) -> None:
        self._target = target
        self._number = number
        self._held = bytearray()

    def note(self, text: str) -> None:
        self._target.tell(text)

    def counting(self, doing: str, unit: str = "") -> contextlib.AbstractContextManager[Count]:
        return self._target.counting(doing, unit)

    def output(self) -> Output:
        return self.write

    def write(self, piece: bytes) -> None:
        self._held += piece
        end = self._held.rfind(b"\n") + 1
        if not end and len(self._held) > _LONGEST:
            self._held += b"\n"
            end = len(self._held)
        if end:
            self._target.write(self._number, bytes(self._held[:end]))
            del self._held[:end]

    def close(self) -> None:
        if self._held:
            self.write(b"\n")
