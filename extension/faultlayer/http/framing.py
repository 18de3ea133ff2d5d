"""HTTP/1.1 framing without I/O: where messages begin and end (RFC 9112, sections 2, 6 and 7).

Messages can be forwarded as they came: nothing here is changed, reordered or decoded. A message
without a certain boundary is refused with ProtocolError.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Body: TypeAlias = "Sized | Chunked | Endless"

MAX_HEAD = 2 << 20  # bytes of one head or trailer section; Lambda's own limits are lower
CHUNKED = -1
UNTIL_CLOSE = -2
NONE = -3  # the head says nothing of a body
_MAX_SIZE_LINE = 8192
_MAX_DIGITS = 20
_OLD = b" http/1.0"  # how the first line of such a request ends
_BLANK = b" \t"  # RFC 9110 section 5.6.3: nothing else may surround a value


class ProtocolError(Exception):
    """Bytes that are not HTTP/1.1, or have no certain end."""


def head_end(data: bytes | bytearray, start: int = 0) -> int:
    """The index just past the head's blank line; -1 if it has not arrived.

    A bare LF ends a line too (RFC 9112 section 2.2).
    """
    end = data.find(b"\n\r\n", start)
    bare = data.find(b"\n\n", start, end + 1 if end >= 0 else len(data))
    if bare >= 0:
        return bare + 2
    return end + 3 if end >= 0 else -1


def header(head: bytes, lowered: bytes, name: bytes) -> bytes:
    """The value of the first header of this lower-case name; empty if there is none."""
    at = lowered.find(b"\n" + name + b":")
    if at < 0:
        return b""
    at += len(name) + 2
    return head[at : head.find(b"\n", at)].strip()


def headers(lowered: bytes) -> list[tuple[bytes, bytes]]:
    """Every header of a lower-cased head, obsolete line folding undone (section 5.2)."""
    found: list[tuple[bytes, bytes]] = []
    for line in lowered.split(b"\n")[1:]:
        line = line.removesuffix(b"\r")
        if not line:
            continue
        if line[:1] in _BLANK:
            if not found:
                raise ProtocolError("a continuation line without a header")
            name, value = found.pop()
            found.append((name, value + b" " + line.strip(_BLANK)))
            continue
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            raise ProtocolError("a header line without a name")
        found.append((name, value.strip(_BLANK)))
    return found


def _careful_length(lowered: bytes) -> int:
    """The body's length, read line by line (RFC 9112, section 6.3)."""
    codings: list[bytes] | None = None
    lengths: set[bytes] = set()
    for name, value in headers(lowered):
        if name == b"transfer-encoding":
            codings = codings or []
            codings += [coding for part in value.split(b",") if (coding := part.strip(_BLANK))]
        elif name == b"content-length":
            lengths.update(length.strip(_BLANK) for length in value.split(b","))
    if codings is not None:
        if not codings or b"chunked" in codings[:-1]:
            raise ProtocolError("a body chunked twice, within another coding, or in none")
        return CHUNKED if codings[-1] == b"chunked" else UNTIL_CLOSE
    if not lengths:
        return NONE
    if len(lengths) > 1:
        raise ProtocolError("contradicting lengths")
    digits = lengths.pop()
    if not digits.isdigit() or len(digits) > _MAX_DIGITS:
        raise ProtocolError("a length that is no number")
    return int(digits)


def scan(data: bytes) -> tuple[bytes, int]:
    """The head in lower case, and the body's length; NONE if the head gives none.

    The head is empty if it has not arrived. A quick look decides for every ordinary message; any
    other head is read line by line. Raises ProtocolError if the length is not certain.
    """
    lowered = data[: max(head_end(data), 0)].lower()
    if lowered and lowered[lowered.find(b"\n") + 1] in _BLANK:
        raise ProtocolError("a continuation line without a header")
    at = lowered.find(b"\ncontent-length:")
    if at < 0:
        if b"content-length" not in lowered and b"transfer-encoding" not in lowered:
            return lowered, NONE
    elif lowered.count(b"content-length") == 1 and b"transfer-encoding" not in lowered:
        end = lowered.find(b"\n", at + 16)
        digits = lowered[at + 16 : end].removesuffix(b"\r").strip(_BLANK)
        folded = lowered[end + 1] in _BLANK
        if digits.isdigit() and len(digits) <= _MAX_DIGITS and not folded:
            return lowered, int(digits)
    return lowered, _careful_length(lowered)


def check_request(lowered: bytes, length: int) -> int:
    """The length of a request's body (bytes), or CHUNKED; `length` is from `scan`.

    Raises ProtocolError if the start line is not a request's, or the body has no end.
    """
    line = lowered[: lowered.find(b"\n")].rstrip(b"\r")
    exact = line.count(b" ") == 2 and len(line.split()) == 3
    if not exact or line[-9:-1] != b" http/1." or not line[-1:].isdigit():
        raise ProtocolError("not an HTTP/1.1 request")
    if length == UNTIL_CLOSE:
        raise ProtocolError("a request without end")
    return 0 if length == NONE else length


def status_of(head: bytes) -> int:
    """The status code of a response head; raises ProtocolError if it has none."""
    digits = head[9:12]
    ended = head[12:13] in b" \r\n"
    if head[:7] != b"HTTP/1." or head[8:9] != b" " or not digits.isdigit() or not ended:
        raise ProtocolError("not an HTTP/1.1 response")
    if digits < b"100":
        raise ProtocolError("a status that is none")
    return int(digits)


def check_response(length: int, status: int, *, to_head: bool = False) -> int:
    """The length of a response's body (bytes), CHUNKED or UNTIL_CLOSE; `length` is from `scan`.

    `to_head`: the request was HEAD, so the response has no body.
    """
    if to_head or status < 200 or status == 204 or status == 304:
        return 0
    return UNTIL_CLOSE if length == NONE else length


def closes(lowered: bytes) -> bool:
    """True if this response, or this request's, is the last of its connection (RFC 9112, 9.3)."""
    old = lowered.startswith(b"http/1.0") or lowered[: lowered.find(b"\n")].rstrip().endswith(_OLD)
    if b"\nconnection:" not in lowered:
        return old
    options: list[bytes] = []
    for name, value in headers(lowered):
        if name == b"connection":
            options += [option.strip() for option in value.split(b",")]
    if b"close" in options:
        return True
    return old and b"keep-alive" not in options


class Sized:
    """A body of known length."""

    until_close = False

    def __init__(self, length: int) -> None:
        self.left = length
        self.done = length == 0

    def feed(self, data: bytes, out: Callable[[bytes], object] | None = None) -> int:
        """Take the body's bytes from the front of data; return their number.

        `out` is called with the content among them.
        """
        taken = min(self.left, len(data))
        self.left -= taken
        self.done = self.left == 0
        if out and taken:
            out(data[:taken])
        return taken


class Endless:
    """A body that ends with the connection."""

    done = False
    until_close = True

    def feed(self, data: bytes, out: Callable[[bytes], object] | None = None) -> int:
        if out and data:
            out(data)
        return len(data)


class Chunked:
    """A chunked body with its trailer section (RFC 9112 section 7.1).

    `trailer` holds the raw trailer section once done, its blank line included.
    """

    until_close = False

    def __init__(self) -> None:
        self.done = False
        self.trailer = b""
        self._left = 0  # bytes of the present chunk, its CRLF included
        self._line = b""  # an unfinished size line or trailer section
        self._in_trailer = False

    def feed(self, data: bytes, out: Callable[[bytes], object] | None = None) -> int:
        """As `Sized.feed`. Raises ProtocolError if a chunk is malformed."""
        at, size = 0, len(data)
        while at < size and not self.done:
            if self._left:
                at += self._content(data, at, out)
            elif self._in_trailer:
                at += self._trailer(data[at:])
            else:
                at += self._size_line(data, at)
        return at

    def _content(self, data: bytes, at: int, out: Callable[[bytes], object] | None) -> int:
        content = self._left - 2
        taken = min(content, len(data) - at)
        if taken > 0:
            self._left -= taken
            if out:
                out(data[at : at + taken])
            return taken
        if data[at] != (13 if self._left == 2 else 10):
            raise ProtocolError("a chunk longer than its size")
        self._left -= 1
        return 1

    def _size_line(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at)
        part = data[at : end + 1] if end >= 0 else data[at:]
        line = self._line + part
        if len(line) > _MAX_SIZE_LINE:
            raise ProtocolError("a chunk size line without end")
        if end < 0:
            self._line = line
            return len(part)
        self._line = b""
        digits = line[:-2].partition(b";")[0].rstrip(_BLANK)
        sized = 0 < len(digits) <= _MAX_DIGITS and _HEX.issuperset(digits)
        if not line.endswith(b"\r\n") or not sized:
            raise ProtocolError("a chunk without a size")
        count = int(digits, 16)
        if count:
            self._left = count + 2
        else:
            self._in_trailer = True
        return len(part)

    def _trailer(self, data: bytes) -> int:
        held = len(self._line)
        section = self._line + data
        if section.startswith((b"\n", b"\r\n")):
            end = section.find(b"\n") + 1
        elif section == b"\r":
            end = -1
        else:
            end = head_end(section, max(0, held - 3))
        if end < 0:
            if len(section) > MAX_HEAD:
                raise ProtocolError("a trailer section without end")
            self._line = section
            return len(data)
        self.trailer, self._line, self.done = section[:end], b"", True
        return end - held


_HEX = frozenset(b"0123456789abcdefABCDEF")


def body(length: int) -> Body:
    """The reader of a body of this length, which is from a `check_…` function."""
    if length >= 0:
        return Sized(length)
    return Chunked() if length == CHUNKED else Endless()


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; empty data makes none, since that would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def without(head: bytes, name: bytes) -> bytes:
    """The head without the headers of this lower-case name; its first line is none of them."""
    start = name + b":"
    first, *lines = head.split(b"\n")
    kept = [first]
    named = False
    for line in lines:
        if not line.startswith((b" ", b"\t")):  # else: folded, and it shares its header's fate
            named = line.lower().startswith(start)
        if not named:
            kept.append(line)
    return b"\n".join(kept)


def with_length(head: bytes, length: int) -> bytes:
    """The head with this Content-Length, in place of any that it had."""
    return _with(head, b"Content-Length", b"%d" % length)


def with_close(head: bytes) -> bytes:
    """The head of the last message of a connection, which says so."""
    return _with(head, b"Connection", b"close")


def _with(head: bytes, name: bytes, value: bytes) -> bytes:
    line, _, rest = without(head, name.lower()).partition(b"\n")
    while rest.startswith((b" ", b"\t")):  # it would continue ours
        rest = rest.partition(b"\n")[2]
    return b"%b\n%b: %b\r\n%b" % (line, name, value, rest)
