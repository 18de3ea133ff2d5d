"""Bodies read and written in pieces: decoded as a whole, a body takes many times its size.

    JSON text, one character for each byte -> pieces of the body -> a change -> JSON text

Python keeps a text with one emoji in it at four bytes a character, so each piece is short. Every
piece but the last has an even length, for changes that swap pairs.
"""

from __future__ import annotations

from binascii import crc32

from faultlayer.jsontext import loads, quote_utf8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    # Takes the old body's pieces (text, or bytes) and its whole length; returns the new pieces.
    Change = Callable[[Iterator[Any], int], Iterable[str | bytes]]

SIZE = 1 << 14  # bytes of a piece


def _boundary(text: str, start: int, stop: int) -> int:
    """The last place up to `stop` that is not inside a character or an escape."""
    while "\x80" <= text[stop] < "\xc0":
        stop -= 1
    at = text.rfind("\\", max(start, stop - 6), stop)
    if at < 0:
        return stop
    before = text[start : at + 1]
    escapes = (len(before) - len(before.rstrip("\\"))) % 2
    length = 6 if text[at + 1 : at + 2] == "u" else 2
    return at if escapes and at + length > stop else stop


def texts(text: str, begin: int, end: int, *, raw: bool) -> Iterator[str]:
    """The text between two places of a JSON text; `raw`: as written, escapes not decoded."""
    held, at = "", begin
    while at < end:
        stop = _boundary(text, at, at + SIZE) if at + SIZE < end else end
        data = text[at:stop].encode("latin-1")
        piece = held + (data.decode() if raw else loads(b'"%b"' % data))
        held = piece[-1] if len(piece) % 2 and stop < end else ""
        yield piece[:-1] if held else piece
        at = stop


def slices(data: bytes) -> Iterator[bytes]:
    """Bytes in pieces."""
    for at in range(0, len(data), SIZE):
        yield data[at : at + SIZE]


class Watched:
    """Pieces before and after a change, compared by checksum and length."""

    def __init__(self, pieces: Iterator[str] | Iterator[bytes]) -> None:
        self._pieces = pieces
        self._old = self._new = 0
        self._old_length = self._new_length = 0

    def __iter__(self) -> Iterator[str | bytes]:
        for piece in self._pieces:
            self._old = crc32(_bytes(piece), self._old)
            self._old_length += len(piece)
            yield piece

    def made(self, piece: str | bytes) -> None:
        """Count a piece that the change has returned."""
        self._new = crc32(_bytes(piece), self._new)
        self._new_length += len(piece)

    def differ(self) -> bool:
        """True if the new pieces differ from the old ones; reads those that are left."""
        for _ in self:
            pass
        return (self._old, self._old_length) != (self._new, self._new_length)


def _bytes(piece: str | bytes) -> bytes:
    return piece if isinstance(piece, bytes) else piece.encode("utf-8", "surrogatepass")


def quoted(piece: str) -> str:
    """The piece as JSON writes it between quotes, one character for each byte."""
    return quote_utf8(piece)[1:-1]
