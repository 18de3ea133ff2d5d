"""The function's answer in the shape of the proxy integration, and changes to it.

    bytes -> Http.parse -> text, one character for each byte -> edits in place -> bytes

Unchanged parts stay byte for byte: numbers no float can hold, escapes, spaces, text in any script.
New parts are written in UTF-8. An answer that is not understood is not changed.
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from __future__ import annotations

from _codecs import utf_8_decode
from binascii import a2b_base64, b2a_base64

from faultlayer.jsontext import escape, is_json, loads, quote_utf8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from faultlayer.vocabulary.pieces import Change

    Whole = Callable[[bytes], bytes]

_STATUS, _HEADERS, _SEVERAL = "statusCode", "headers", "multiValueHeaders"
_BODY, _COOKIES = "body", "cookies"
# The members of an answer in which callers look for headers.
ONE = (_HEADERS,)
SEVERAL = (_SEVERAL,)  # a load balancer whose target group has them reads no other
BOTH = (_HEADERS, _SEVERAL)  # API Gateway merges them
WITH_COOKIES = (_HEADERS, _COOKIES)  # payload 2.0
ANY = (_HEADERS, _SEVERAL, _COOKIES)  # the caller is not known
_BASE64 = "isBase64Encoded"
PRELUDE = (_STATUS, _HEADERS, _SEVERAL)  # the members of a response that a stream's prelude has
ENCODING, LENGTH, _COOKIE = "content-encoding", "content-length", "set-cookie"
_PLAIN = ("", "identity")
_ENCODED = 3 << 14  # bytes that are written in base64 at a time, three by three
_CHECKED = 1 << 16  # bytes that are checked to be UTF-8 at a time: a whole answer is never copied


def status_payload(
    status: int, headers: Mapping[str, str], body: str, read: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A response in the proxy-integration shape, its headers in the member that is read."""
    fields: dict[str, Any] = {_STATUS: status}
    if not read or _HEADERS in read:
        fields[_HEADERS] = dict(headers)
    else:
        fields[_SEVERAL] = {name: [text] for name, text in headers.items()}
    return {**fields, _BODY: body, _BASE64: False}


_BLOCK = 1 << 16


def filled(start: bytes, unit: bytes, count: int, end: bytes = b"") -> Iterator[bytes]:
    """Yield the start, `count` units and the end, in pieces of bounded length."""
    yield start
    most = _BLOCK // len(unit)
    block = unit * min(most, count)
    for _ in range(count // most):
        yield block
    yield block[: count % most * len(unit)] + end


def _as_text(data: bytes) -> str | None:
    """Turn each byte into one character; None if the bytes are not UTF-8."""
    if not data.isascii():
        view, at = memoryview(data), 0
        while at < len(data):
            end = at + _CHECKED
            try:
                at += utf_8_decode(view[at:end], "strict", end >= len(data))[1]
            except UnicodeDecodeError:
                return None
    return data.decode("latin-1")


class Http:
    """The JSON object of an HTTP-shaped answer: a proxy response, or a stream's prelude.

    `text` is its JSON, one character for each byte. `read`: the members whose headers count.
    """

    def __init__(self, text: str, read: tuple[str, ...] = ANY) -> None:
        self.text = text
        self.read = read
        self.changed = False
        self._fields: dict[str, Any] | None = None

    @classmethod
    def parse(cls, data: bytes, *, prelude: bool = False) -> Http | None:
        """Read the object; None if data is no object, or a response without `statusCode`."""
        if not prelude and b"statusCode" not in data and b"\\u" not in data:
            return None  # found without decoding an answer that may be large
        text = _as_text(data)
        if text is None:
            return None
        http = cls(text)
        try:
            status = http.fields.get(_STATUS, 200 if prelude else None)
        except (ValueError, RecursionError):
            return None
        digits = isinstance(status, str) and status.isdigit()
        if not digits and (isinstance(status, bool) or not isinstance(status, (int, float))):
            return None
        return http

    @classmethod
    def inferred(cls, data: bytes) -> Http | None:
        """The response that payload 2.0 infers from JSON without `statusCode`; else None."""
        text = _as_text(data)
        if text is None or not is_json(text):
            return None
        headers = f'"{_HEADERS}":{{"content-type":"application/json"}}'
        return cls(f'{{"{_STATUS}":200,{headers},"{_BODY}":{escape(text)}}}')

    @property
    def fields(self) -> dict[str, Any]:
        """Its members but the body. Raises ValueError and RecursionError, as `loads`."""
        if self._fields is None:
            fields = loads(self.text)
            if not isinstance(fields, dict):
                raise ValueError("is not an object")
            fields.pop(_BODY, None)
            self._fields = fields
        return self._fields

    def _put(self, path: tuple[str, ...], value: str | None) -> bool:
        """Set or remove one place; returns whether that changes anything."""
        from faultlayer.events.edit import set_path

        after = set_path(self.text, path, value)
        if after == self.text:
            return False
        self.text = after
        self._fields = None
        self.changed = True
        return True

    # -- headers --------------------------------------------------------------------------------

    def _values(self, member: str, name: str) -> list[Any]:
        """The values that a member has for this header (lower case), in any spelling."""
        held = self.fields.get(member)
        if member == _COOKIES:
            return held if name == _COOKIE and isinstance(held, list) else []
        if not isinstance(held, dict):
            return []
        return [text for key, text in held.items() if key.lower() == name]

    def header(self, name: str) -> str:
        """The last value of this header, as text; empty if it has none."""
        found = [value for member in self.read for value in self._values(member, name)]
        flat = [text for value in found for text in (value if isinstance(value, list) else [value])]
        return flat[-1] if flat and isinstance(flat[-1], str) else ""

    def encoded(self) -> bool:
        """True if the body has a content-encoding, such as gzip."""
        return self.header(ENCODING).strip().lower() not in _PLAIN

    def _remove(self, name: str, members: tuple[str, ...]) -> bool:
        """Take every form of a header, in lower case, out of these members."""
        found = False
        for member in members:
            if self._values(member, name):
                path = (member,) if member == _COOKIES else (member, name)
                found = self._put(path, None) or found
        return found

    def change_headers(self, changes: Mapping[str, str | None]) -> bool:
        """Set these headers in any case; None removes. Returns true if anything changed."""
        changed = False
        for name, text in changes.items():
            if text is None:
                changed = self._remove(name.lower(), self.read) or changed
            else:
                changed = self._set(name, text) or changed
        return changed

    def _set(self, name: str, text: str) -> bool:
        lower, literal = name.lower(), quote_utf8(text)
        member = self._member(lower)
        value = loads(literal)  # as the fields are read: one character for each byte
        several: Any = value if member == _HEADERS else [value]
        held = [each for other in self.read for each in self._values(other, lower)]
        if held == ([value] if member == _COOKIES else [several]):
            return False
        self._remove(lower, self.read)
        if member != _HEADERS:
            literal = f"[{literal}]"
        if member == _COOKIES:
            return self._put((member,), literal)
        if not isinstance(self.fields.get(member), dict):
            return self._put((member,), f"{{{quote_utf8(name)}:{literal}}}")
        return self._put((member, name), literal)

    def _member(self, name: str) -> str:
        """The member to write a header in, so that the caller reads it."""
        if name == _COOKIE and _COOKIES in self.read and self._values(_COOKIES, name):
            return _COOKIES
        if _HEADERS not in self.read:
            return _SEVERAL
        several = _SEVERAL in self.read and isinstance(self.fields.get(_SEVERAL), dict)
        return _SEVERAL if several and not self.fields.get(_HEADERS) else _HEADERS

    # -- the body -------------------------------------------------------------------------------

    def _bodies(self) -> list[tuple[int, int]]:
        """Start and end of the body's JSON: none, or one; two if it is written twice."""
        from faultlayer.events.edit import members

        return [(begin, end) for name, begin, end in members(self.text) if name == _BODY]

    def _is_base64(self) -> bool:
        return self.fields.get(_BASE64) is True

    def _data(self, begin: int, end: int) -> bytes | None:
        """The bytes that the body there stands for in base64; None if it is text."""
        if not end or not self._is_base64() or self.text[begin] != '"':
            return None
        try:
            return a2b_base64(loads(self.text[begin:end]))
        except ValueError:
            return None

    def change_body(self, change: Change, *, anew: bool = False) -> bool:
        """Replace the body by the result of `change`; returns true if that differs.

        `anew`: the new body is not made of the old one, so it has no content-encoding.
        """
        from faultlayer.vocabulary.pieces import Watched, quoted, slices, texts

        bodies = self._bodies()
        begin, end = bodies[-1] if bodies else (0, 0)
        data = self._data(begin, end)
        if data is not None:
            watched, total = Watched(slices(data)), len(data)
        else:
            raw = self.text[begin : begin + 1] != '"'
            if self.text[begin:end] == "null":
                begin = end
            inside = (begin, end) if raw else (begin + 1, end - 1)
            total = sum(len(piece) for piece in texts(self.text, *inside, raw=raw))
            watched = Watched(texts(self.text, *inside, raw=raw))
        made: list[str] = []
        binary = bytearray()
        for piece in change(iter(watched), total):
            watched.made(piece)
            if isinstance(piece, bytes):
                binary += piece
            else:
                made.append(quoted(piece))
        if not watched.differ() and not (anew and self.encoded()):
            return False
        del data
        kept = bool(binary) or (not made and self._is_base64() and not anew)
        if kept:
            made = [
                b2a_base64(binary[at : at + _ENCODED], newline=False).decode()
                for at in range(0, len(binary), _ENCODED)
            ]
            binary.clear()
        self._put_body(bodies, made)
        if not kept and self._is_base64():
            self._put((_BASE64,), "false")
        self._remove(LENGTH, ANY)
        if anew:
            self._remove(ENCODING, ANY)
        return True

    def _put_body(self, bodies: list[tuple[int, int]], pieces: list[str]) -> None:
        """Write the body anew, of pieces as they stand in a JSON text."""
        if len(bodies) == 1:
            begin, end = bodies[0]
            pieces = [self.text[:begin], '"', *pieces, '"', self.text[end:]]
            self.text = ""  # let go of before the new text is made
            self.text = "".join(pieces)
            self._fields = None
            self.changed = True
        else:
            self._put((_BODY,), f'"{"".join(pieces)}"')

    def opened(self) -> tuple[bytes, bytes, bytes]:
        """The object as JSON, cut inside the body: first half, unit of padding, second half."""
        self._remove(LENGTH, ANY)
        bodies = self._bodies()
        begin, end = bodies[-1] if bodies else (0, 0)
        if not end or self.text[begin] != '"':
            written = "" if self.text[begin:end] in ("", "null") else self.text[begin:end]
            self._put((_BODY,), escape(written))
            begin, end = self._bodies()[-1]
        unit = b" "
        data = self._data(begin, end)
        if data is not None:
            unit = b"ICAg"  # three blanks
            blanks = b" " * (-len(data) % 3)
            last = self.text[end - 5 : end - 1]
            signs = last.rstrip("=").replace("+", "").replace("/", "")
            usual = signs.isalnum() and (not blanks or last.endswith("="))
            if not usual:  # with a line break at its end, for one
                padded = b2a_base64(data + blanks, newline=False).decode()
                self._put((_BODY,), f'"{padded}"')
                end = self._bodies()[-1][1]
            elif blanks:
                padded = b2a_base64(a2b_base64(last) + blanks, newline=False).decode()
                self.text = "".join((self.text[: end - 5], padded, self.text[end - 1 :]))
                self._fields = None
        del data  # before the copies that leave
        self.changed = True
        return self.text[: end - 1].encode("latin-1"), unit, self.text[end - 1 :].encode("latin-1")

    def payload(self, original: bytes) -> bytes:
        """The object as JSON; the original bytes if nothing has changed it."""
        return self.text.encode("latin-1") if self.changed else original


class Passing:
    """An answer on its way. `why`: the reason that a fault gives for changing nothing."""

    why = ""

    def unchanged(self, why: str) -> bool:
        """Keep the reason why nothing changes; returns false, for a fault to return."""
        self.why = why
        return False


class Answer(Passing):
    """A buffered answer; `http` is its object if it is HTTP-shaped."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._size = 0
        self.http = Http.parse(payload)
        self._inferred = False

    def read_as(self, read: tuple[str, ...], *, infers: bool) -> None:
        """Read it as the caller does: headers in these members; `infers`: JSON may be a body."""
        if self.http is None and infers and self._payload.strip():
            self.http = Http.inferred(self._payload)
            self._inferred = self.http is not None
        if self.http:
            self.http.read = read

    def payload(self) -> bytes:
        """The bytes of the answer, changes included."""
        return self.http.payload(self._payload) if self.http else self._payload

    def pad(self, size: int) -> bool:
        """Pad the answer to at least `size` bytes; returns true if it is shorter now."""
        self._size = max(self._size, size)
        return size > self._length()

    def _length(self) -> int:
        changed = self.http is not None and self.http.changed
        return len(self.http.text if self.http and changed else self._payload)

    def parts(self) -> tuple[bytes, bytes, int, bytes]:
        """The answer with its padding: start, unit of padding, number of units, end."""
        if self._length() >= self._size:
            return self.payload(), b" ", 0, b""
        if self.http and (self.http.changed or not self._inferred):
            start, unit, end = self.http.opened()
        else:
            start, unit, end = self.payload(), b" ", b""
        missing = max(self._size - len(start) - len(end), 0)
        return start, unit, -(-missing // len(unit)), end

    def change_body(self, change: Change, *, anew: bool = False) -> bool:
        """Replace the body, or the whole payload if it is not HTTP-shaped."""
        if self.http:
            return self.http.change_body(change, anew=anew)
        return self.change_payload(change)

    def change_payload(self, change: Change) -> bool:
        """Replace the whole payload in pieces, HTTP-shaped or not; true if that differs."""
        from faultlayer.vocabulary.pieces import slices

        def whole(payload: bytes) -> bytes:
            made = bytearray()
            for piece in change(slices(payload), len(payload)):
                made += piece if isinstance(piece, bytes) else piece.encode()
            return bytes(made)

        return self.replace_payload(whole)

    def replace_payload(self, change: Whole) -> bool:
        """Replace the whole payload by the result of `change`; true if that differs."""
        before = self.payload()
        self._payload = change(before)
        if self._payload == before:
            return False
        read = self.http.read if self.http else ANY
        self.http = Http.parse(self._payload)
        self._inferred = False
        if self.http:
            self.http.read = read
        return True
