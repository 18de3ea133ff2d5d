"""Read the files that users name: events, plans and variables, in any encoding that text has.

    a path, or - ── read_text ── UTF-8 or UTF-16, with or without a mark ──> text
                 └─ read_event ── the same, checked to be JSON ──> UTF-8, as Lambda has events

- Each mistake is one line: the file, what is wrong, and if it is JSON the line and the column.
- At most so many bytes are read as a file may have: /dev/zero is a file, too.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

from faultlayer.jsontext import decoded, loads_or_why
from faultlayer_cli.errors import Mistake

STDIN = "-"
_LARGEST_EVENT = 6 << 20  # bytes; Lambda takes no larger request
_UTF8_MARK = b"\xef\xbb\xbf"
_last_read: Any = None  # the standard input that was read to its end


def label_of(name: str, flag: str = "") -> str:
    """The words for a file in a message: its name, after the flag that named it."""
    shown = "standard input" if name == STDIN else name.replace("\0", "\\0") or "an empty name"
    return f"{flag} {shown}".lstrip()


def read_text(name: str, *, most: int, flag: str = "", allowed: str = "") -> str:
    """The text of a file, or of standard input if its name is `-`. Raises Mistake.

    `most` is in bytes. `allowed` ends the message about a file that cannot be read.
    """
    label = label_of(name, flag)
    try:
        return decoded(_bytes_of(name, most))
    except OSError as error:
        raise Mistake(f"{label} cannot be read: {error.strerror}{allowed}") from None
    except ValueError as error:
        raise Mistake(f"{label} {error}") from None


def read_event(name: str, flag: str) -> bytes:
    """The event in a file, or in standard input, as JSON in UTF-8. Raises Mistake."""
    label = label_of(name, flag)
    try:
        data = _bytes_of(name, _LARGEST_EVENT)
        text = decoded(data)
        loads_or_why(text)
    except OSError as error:
        raise Mistake(f"{label} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise Mistake(f"{label} {error}; allowed: an event in JSON") from None
    return text.encode()


def read_json(text: str, label: str) -> Any:
    """The value of a JSON text. Raises Mistake with the line and the column."""
    try:
        return loads_or_why(text)
    except ValueError as error:
        raise Mistake(f"{label} {error}") from None


def _bytes_of(name: str, most: int) -> bytes:
    """The bytes of a file. Raises OSError and ValueError with the mistake."""
    if "\0" in name:
        raise ValueError("cannot be read: no file has a NUL in its name")
    with contextlib.ExitStack() as stack:
        opened = _standard_input() if name == STDIN else stack.enter_context(Path(name).open("rb"))
        data: bytes = opened.read(most + 1)
    if len(data) > most:
        size = f"{most >> 20} MB" if most >= 1 << 20 else f"{most >> 10} KB"
        raise ValueError(f"is longer than {size}")
    if not data:
        raise ValueError("is empty")
    return data


def _standard_input() -> Any:
    """Standard input as bytes, read once: a second read would find nothing."""
    global _last_read
    if sys.stdin is None:
        raise ValueError("is closed")
    if sys.stdin is _last_read:
        raise ValueError("is named twice; allowed: once, and files for the others")
    _last_read = sys.stdin
    return sys.stdin.buffer
