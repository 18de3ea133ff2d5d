"""The terminal: the only module that prints, so that nothing reaches the user's screen unchecked.

    a command, the demo --> put   one line on standard output
                        --> say   a note on standard error
                        --> ask   a question; what the user types comes back
    a room --Progress-----> say, a bar that is gone at the end, output of other programs

Texts come from logs, plans, AWS and functions. Control characters in them could hide what happened,
or type for the user. They are shown as `\\u001b`, as JSON writes them. Output of other programs is
passed on byte for byte if standard error is no terminal.
"""

from __future__ import annotations

import codecs
import contextlib
import re
import sys
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from faultlayer_cli.progress import BYTES, Count

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_REFRESH = 0.1  # seconds between two looks at a count without a known end
# Controls (C0, DEL, C1), line separators, marks that turn the direction of text, characters without
# a width (but for the two joiners, which scripts and emoji need), halves of pairs.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_LINES = re.compile("(\t|\r?\n)")


def safe(text: str) -> str:
    """The text as one line that a terminal shows as it is."""
    return _UNSAFE.sub(_escaped, text)


def safe_lines(text: str) -> str:
    """The text with its line breaks and tabs, and no other control character."""
    parts = _LINES.split(text)
    parts[::2] = map(safe, parts[::2])
    parts[1::2] = (part.lstrip("\r") for part in parts[1::2])
    return "".join(parts)


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def put(*lines: str, error: bool = False) -> None:
    """Print lines on standard output, or on standard error."""
    stream = sys.stderr if error else sys.stdout
    stream.writelines(f"{safe(line)}\n" for line in lines)
    stream.flush()


def put_bytes(data: bytes) -> None:
    """Print data on standard output: as it is, or as lines that are safe on a terminal."""
    if sys.stdout.isatty() and not data.endswith(b"\n"):
        data += b"\n"
    _pass_on(data, sys.stdout, lambda piece: piece.decode("utf-8", "backslashreplace"))


def say(message: str) -> None:
    """Print one line on standard error, with the command's name before it."""
    put(f"faultlayer: {message}", error=True)


def ask(question: str) -> str:
    """Ask on standard error; the line that the user types, empty if there is nobody."""
    sys.stderr.write(f"{safe(question)} ")
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        put("", error=True)
    return line.strip()


def styled(text: str, style: str = "", **more: Any) -> Text:
    """One line of text, for a table."""
    from rich.text import Text  # which most commands never need

    return Text(safe(text), style, **more)


def console(*, stderr: bool = False) -> Console:
    """The terminal for `styled` texts and tables of them; they are not looked at again."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def prepare() -> None:
    """Make whatever Python itself prints safe as well, on a terminal of any encoding.

    A character that the terminal lacks is shown by its number instead of ending the command.
    """
    sys.excepthook = _print_traceback
    threading.excepthook = lambda args: _print_traceback(*args[:3])
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _print_traceback(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    """Print the traceback of a bug: its last line may quote anything."""
    import traceback  # which most runs never need

    for part in traceback.format_exception(kind, error, trace):
        put(*part.rstrip("\n").split("\n"), error=True)


def _pass_on(data: bytes, stream: TextIO, decode: Callable[[bytes], str]) -> None:
    """Write what another program printed: byte for byte, or safely if this is a terminal."""
    raw = getattr(stream, "buffer", None)
    if raw is None or stream.isatty():
        stream.write(safe_lines(decode(data)))
    else:
        stream.flush()
        raw.write(data)
    stream.flush()


class OnTerminal:
    """Notes go to standard error. Counts are shown only if that is a terminal."""

    def note(self, text: str) -> None:
        say(text)

    def output(self) -> Callable[[bytes], None]:
        decode = codecs.getincrementaldecoder("utf-8")("backslashreplace").decode
        return lambda piece: _pass_on(piece, sys.stderr, decode)

    @contextlib.contextmanager
    def counting(self, doing: str, unit: str = "") -> Iterator[Count]:
        there = console(stderr=True)
        if not there.is_terminal:
            yield lambda done, total: None
            return
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            SpinnerColumn,
            TextColumn,
        )

        text = TextColumn("{task.description}", markup=False)
        columns: tuple[ProgressColumn, ...] = (text, BarColumn(), MofNCompleteColumn())
        if unit:
            columns = (SpinnerColumn(), text)
        if unit == BYTES:
            columns = (BarColumn(), DownloadColumn())
        with Progress(*columns, console=there, transient=True) as bar:
            task = bar.add_task(safe(doing), total=None)
            shown = 0.0

            def count(done: int, total: int | None) -> None:
                nonlocal shown
                if total is None and monotonic() - shown < _REFRESH:
                    return
                shown = monotonic()
                said = f"{doing}: {done:,} {unit}" if unit else doing
                bar.update(task, completed=done, total=total, description=safe(said))

            yield count


TERMINAL = OnTerminal()
