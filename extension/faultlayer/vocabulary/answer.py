"""What the function answered, in the shapes Lambda knows: proxy integration and streamed prelude.

It promises to leave what it does not understand alone: an answer that is not HTTP-shaped keeps
every byte until something asks to change its body.
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64

from faultlayer.jsontext import dump_bytes, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    Change = Callable[[str | bytes], str | bytes]
    Filter = tuple[Callable[[bytes], bytes], Callable[[Exception], None] | None]

HTTP_STREAM = b"application/vnd.awslambda.http-integration-response"
SEPARATOR = b"\0" * 8
MAX_PRELUDE = 1 << 20  # bytes; a stream without a separator by then is taken for a plain one
_STATUS, _HEADERS, _SEVERAL, _BODY = "statusCode", "headers", "multiValueHeaders", "body"
PRELUDE = (_STATUS, _HEADERS)  # the members of a proxy response that a stream's prelude has


def status_payload(status: int, headers: Mapping[str, str], body: str) -> dict[str, Any]:
    """A response in the proxy-integration shape."""
    return {**prelude_fields(status, headers), _BODY: body, "isBase64Encoded": False}


def prelude_fields(status: int, headers: Mapping[str, str]) -> dict[str, Any]:
    """A streamed response's prelude."""
    return {_STATUS: status, _HEADERS: dict(headers)}


_BLOCK = 1 << 16


def filled(start: bytes, unit: bytes, count: int, end: bytes = b"") -> Iterator[bytes]:
    """The start, so many units and the end, in pieces of bounded length."""
    yield start
    most = _BLOCK // len(unit)
    block = unit * min(most, count)
    for _ in range(count // most):
        yield block
    yield block[: count % most * len(unit)] + end


class Http:
    """The JSON object of an HTTP-shaped answer: a proxy response, or a stream's prelude."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields
        self.changed = False

    @classmethod
    def parse(cls, data: bytes, *, prelude: bool = False) -> Http | None:
        """The object, or None where data is none, or a response without `statusCode`."""
        try:
            fields = loads(data)
        except (ValueError, RecursionError):
            return None
        if not isinstance(fields, dict):
            return None
        status = fields.get(_STATUS, 200 if prelude else None)
        digits = isinstance(status, str) and status.isdigit()
        if not digits and (isinstance(status, bool) or not isinstance(status, (int, float))):
            return None
        return cls(fields)

    def _remove(self, name: str) -> bool:
        """Take every form of a header out; whether there was one."""
        found = False
        for member in (_HEADERS, _SEVERAL):
            held = self.fields.get(member)
            if not isinstance(held, dict):
                continue
            for key in [key for key in held if key.lower() == name]:
                del held[key]
                found = True
        if name == "set-cookie" and self.fields.pop("cookies", None):
            found = True
        return found

    def change_headers(self, changes: Mapping[str, str | None]) -> bool:
        """Set these headers, whatever their case; None removes. Whether anything changed."""
        changed = False
        for name, text in changes.items():
            removed = self._remove(name.lower())
            changed = changed or removed or text is not None
            if text is not None:
                self._set(name, text)
        self.changed = self.changed or changed
        return changed

    def _set(self, name: str, text: str) -> None:
        several = self.fields.get(_SEVERAL)
        if isinstance(several, dict) and not self.fields.get(_HEADERS):
            several[name] = [text]  # a load balancer with multi-value headers reads only these
            return
        held = self.fields.get(_HEADERS)
        if not isinstance(held, dict):
            held = self.fields[_HEADERS] = {}
        held[name] = text

    def change_body(self, change: Change) -> bool:
        """Replace the body by what `change` makes of it; whether that differs."""
        body = self.fields.get(_BODY)
        if body is None:
            body = ""
        if not isinstance(body, str):  # an object where text was due: what the caller would see
            body = dump_bytes(body).decode()
        before: str | bytes = body
        if self.fields.get("isBase64Encoded") is True:
            try:
                before = a2b_base64(body)
            except ValueError:
                pass
        after = change(before)
        if after == before:
            return False
        if isinstance(after, bytes):
            self.fields[_BODY] = b2a_base64(after, newline=False).decode()
        else:
            self.fields[_BODY] = after
            if isinstance(before, bytes):
                self.fields["isBase64Encoded"] = False
        self._remove("content-length")
        self.changed = True
        return True

    def opened(self) -> tuple[bytes, bytes, bytes]:
        """The object as JSON in two halves, and what may stand between: the body goes on there."""
        body = self.fields.pop(_BODY, None)
        body = "" if body is None else body if isinstance(body, str) else dump_bytes(body).decode()
        unit = b" "
        if self.fields.get("isBase64Encoded") is True:
            try:
                data = a2b_base64(body)
                body = b2a_base64(data + b" " * (-len(data) % 3), newline=False).decode()
                unit = b"ICAg"
            except ValueError:
                pass
        self._remove("content-length")
        self.fields[_BODY] = body  # the last member now
        self.changed = True
        text = dump_bytes(self.fields)
        return text[:-2], unit, text[-2:]

    def text(self, original: bytes) -> bytes:
        """The object as JSON; the original bytes where nothing has changed it."""
        return dump_bytes(self.fields) if self.changed else original


class Answer:
    """A buffered answer; `http` is its object where it is HTTP-shaped."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._size = 0
        self.http = Http.parse(payload)

    def payload(self) -> bytes:
        """The bytes to answer with."""
        return self.http.text(self._payload) if self.http else self._payload

    def pad(self, size: int) -> bool:
        """Have it leave with at least so many bytes; whether that is more than there are."""
        self._size = max(self._size, size)
        return size > len(self.payload())

    def parts(self) -> tuple[bytes, bytes, int, bytes]:
        """What leaves: its start, what comes how often then, its end."""
        payload = self.payload()
        if len(payload) >= self._size:
            return payload, b" ", 0, b""
        start, unit, end = self.http.opened() if self.http else (payload, b" ", b"")
        missing = max(self._size - len(start) - len(end), 0)
        return start, unit, -(-missing // len(unit)), end

    def change_body(self, change: Change) -> bool:
        """Replace the body, or the whole payload where it is not HTTP-shaped."""
        if self.http:
            return self.http.change_body(change)
        return self.change_payload(change)

    def change_payload(self, change: Change) -> bool:
        """Replace the whole payload, HTTP-shaped or not; whether that differs."""
        before = self.payload()
        after = change(before)
        self._payload = after.encode() if isinstance(after, str) else after
        if self._payload == before:
            return False
        self.http = Http.parse(self._payload)
        return True


class Stream:
    """A streamed answer passing by: the prelude, where it is HTTP-shaped, then pieces of body.

    `feed` takes content as it arrives and returns what may leave, `end` what is left at the end;
    `rewrite` is called once, as soon as the prelude is known, before any body passes. `blame` is
    told where a filter fails that was set while it was in force: what follows passes without it.
    """

    def __init__(self, *, http: bool, rewrite: Callable[[Stream], None]) -> None:
        self.http: Http | None = None
        self.blame: Callable[[Exception], None] | None = None
        self._rewrite = rewrite
        self._prelude: bytes | None = None
        self._filters: list[Filter] = []
        self._held = bytearray()
        self._size = self._sent = 0
        self._in_prelude = http
        if not http:
            rewrite(self)

    def filter_body(self, change: Callable[[bytes], bytes]) -> None:
        """Pass every piece of the body through this function."""
        self._filters.append((change, self.blame))
        if self.http:
            self.http.change_headers({"content-length": None})

    def pad(self, size: int) -> bool:
        """Have at least so many bytes leave, prelude included."""
        self._size = max(self._size, size)
        if self.http:
            self.http.change_headers({"content-length": None})
        return True

    def begin_again(self) -> None:
        """As if nothing had been asked for, before any body passes."""
        self._filters.clear()
        self._size = 0
        self.http = None if self._prelude is None else Http.parse(self._prelude, prelude=True)

    def head(self) -> bytes:
        """The prelude as it will leave; empty where there is none."""
        if self._prelude is None:
            return b""
        return self.http.text(self._prelude) if self.http else self._prelude

    def padding(self) -> Iterator[bytes]:
        """What is still to leave after the end."""
        return filled(b"", b" ", max(self._size - self._sent, 0))

    def feed(self, content: bytes) -> bytes:
        piece = self._fed(content)
        self._sent += len(piece)
        return piece

    def _fed(self, content: bytes) -> bytes:
        if not self._in_prelude:
            return self._filtered(content)
        seen = max(len(self._held) - len(SEPARATOR), 0)
        self._held += content
        at = self._held.find(SEPARATOR, seen)
        if at >= 0:
            held = bytes(self._held)
            return self._past_prelude(held[:at], SEPARATOR, held[at + len(SEPARATOR) :])
        if len(self._held) < MAX_PRELUDE:
            return b""
        return self._past_prelude(bytes(self._held), b"", b"")

    def _past_prelude(self, prelude: bytes, separator: bytes, rest: bytes) -> bytes:
        self._in_prelude = False
        self._held.clear()
        self._prelude = prelude if separator else None
        self.begin_again()
        self._rewrite(self)
        if separator:
            return self.head() + separator + self._filtered(rest)
        return self._filtered(prelude)

    def _filtered(self, piece: bytes) -> bytes:
        for each in tuple(self._filters):
            change, blame = each
            try:
                piece = change(piece) if piece else piece
            except Exception as error:
                self._filters.remove(each)
                if blame is not None:
                    blame(error)
        return piece

    def end(self) -> bytes:
        """What is left to send when the stream ends."""
        if not self._in_prelude:
            return b""
        piece = self._past_prelude(bytes(self._held), b"", b"")
        self._sent += len(piece)
        return piece
