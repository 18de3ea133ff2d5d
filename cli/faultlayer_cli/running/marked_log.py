r"""The log of a run, line by line: the function's lines, the layer's and the emulator's.

    the emulator's output --> MarkedLog --> greeting 3 characters           the function's, as it is
                                            {"source":"faultlayer",...}     the layer's, as it is
                                            emulator: START RequestId: ...  the emulator's, marked

The emulator writes all of them into one stream, and begins a line of its own wherever the function
has not ended one. Such a line is divided.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from faultlayer_cli.progress import SILENT, Count, Output, Progress

_MARK = b"emulator: "
_LABEL = re.compile(rb"\[\d+\] ")  # of one of several environments
_STAMP = rb"\d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d,\d{3} \[[A-Z]+\] \(rapid\) "
_REPORTS = rb"(?:START|END|REPORT) RequestId: [0-9A-Za-z-]{8,64}(?:\s|$)"
_EMULATOR = re.compile(_STAMP + rb"|" + _REPORTS)
_LAYER = re.compile(rb'\{"source":"faultlayer","level":"([a-z]+)"')
_CALM = b"info"
_LONGEST = 256 << 10  # bytes; a longer line is passed on in pieces


class MarkedLog:
    """Progress whose output is passed on in whole lines, those of the emulator marked.

    If `quiet`, it passes on no notes and no counts, and of the output the function's lines and the
    layer's warnings: what is wrong with its settings, or why a fault did nothing.
    """

    def __init__(self, target: Progress, *, quiet: bool = False) -> None:
        self._target = target
        self._said: Progress = SILENT if quiet else target
        self._quiet = quiet
        self._outputs: list[_Lines] = []

    def note(self, text: str) -> None:
        self._said.note(text)

    def output(self) -> Output:
        lines = _Lines(self._target.output(), quiet=self._quiet)
        self._outputs.append(lines)
        return lines.add

    @contextlib.contextmanager
    def counting(self, doing: str, unit: str = "") -> Iterator[Count]:
        with self._said.counting(doing, unit) as count:
            yield count

    def close(self) -> None:
        """Pass on lines that have no end: nothing comes any more."""
        for lines in self._outputs:
            lines.close()


class _Lines:
    """Passes on the lines of one output."""

    def __init__(self, target: Output, *, quiet: bool) -> None:
        self._target = target
        self._quiet = quiet
        self._held = b""

    def add(self, piece: bytes) -> None:
        *lines, self._held = (self._held + piece).split(b"\n")
        if len(self._held) > _LONGEST:
            lines.append(self._held)
            self._held = b""
        self._pass_on(lines)

    def close(self) -> None:
        held, self._held = self._held, b""
        if held:
            self._pass_on([held])

    def _pass_on(self, lines: list[bytes]) -> None:
        shown = b"".join(part + b"\n" for line in lines for part in self._parts(line))
        if shown:
            self._target(shown)

    def _parts(self, line: bytes) -> Iterator[bytes]:
        """The line as it is shown: nothing, itself, or the function's part and the other one."""
        labelled = _LABEL.match(line)
        label, text = (labelled[0], line[labelled.end() :]) if labelled else (b"", line)
        emulator, layer = _EMULATOR.search(text), _LAYER.search(text)
        if emulator and not (layer and layer.start() < emulator.start()):
            own, other = text[: emulator.start()], _MARK + text[emulator.start() :]
            calm = True
        elif layer:
            own, other = text[: layer.start()], text[layer.start() :]
            calm = layer[1] == _CALM
        else:
            yield line
            return
        if own:
            yield label + own
        if not (self._quiet and calm):
            yield label + other
