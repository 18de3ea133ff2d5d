"""Parse requests to an HTTP proxy, without I/O (RFC 9110, 9112, 7617).

    CONNECT host:port        a tunnel
    GET http://host/path     a plain request: forwarded as `GET /path`

Nothing but the first line and the headers for the proxy itself is changed. `Host` stays as it is,
even if it names another host: so the server sees it without the proxy, too.
"""

from __future__ import annotations

from binascii import b2a_base64

from faultlayer.http import framing

MAX_HEAD = 1 << 16  # bytes
_LONGEST = 253  # characters of a name (RFC 1035, section 2.3.4)
_HTTP = b"http://"
_NAME = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_.")
_ADDRESS = frozenset(b"0123456789abcdef:.")


class Refusal(Exception):
    """The reason against forwarding a request: a status and a sentence."""

    def __init__(self, status: int, reason: str, text: str, header: str = "") -> None:
        super().__init__(text)
        self.status, self.reason, self.text, self.header = status, reason, text, header

    def answer(self) -> bytes:
        """The whole response, after which the connection ends."""
        return (
            f"HTTP/1.1 {self.status} {self.reason}\r\n{self.header}"
            f"Content-Type: text/plain\r\nContent-Length: {len(self.text) + 13}\r\n"
            f"Connection: close\r\n\r\nfaultlayer: {self.text}\n"
        ).encode("latin-1")


def bad(text: str) -> Refusal:
    return Refusal(400, "Bad Request", text)


TOO_LONG = Refusal(431, "Request Header Fields Too Large", "the head of the request is too long")


class Request:
    """A parsed request to the proxy.

    `head`: the head to forward; empty for a tunnel. `length`: of the body (bytes).
    """

    __slots__ = ("head", "is_head", "length", "name", "port", "tunnel")

    def __init__(self, name: str, port: int, head: bytes, length: int, method: bytes) -> None:
        self.name = name
        self.port = port
        self.head = head
        self.length = length
        self.tunnel = method == b"CONNECT"
        self.is_head = method == b"HEAD"


def authorization(credentials: str) -> bytes:
    """The value of Proxy-Authorization for these credentials (`user:password`)."""
    return b"Basic " + b2a_base64(credentials.encode(), newline=False)


def read(head: bytes, allowed: bytes) -> Request:
    """Parse this complete head. Raises Refusal.

    `allowed`: the value that Proxy-Authorization must have.
    """
    try:
        lowered, length = framing.scan(head)
        length = framing.check_request(lowered, length)
        given = framing.header(head, lowered, b"proxy-authorization")
    except framing.ProtocolError:
        raise bad("this is no HTTP/1.1 request") from None
    if given.partition(b" ")[0].lower() != b"basic" or given[6:].strip() != allowed[6:]:
        header = 'Proxy-Authenticate: Basic realm="faultlayer"\r\n'
        text = "this proxy is for the processes of one function"
        raise Refusal(407, "Proxy Authentication Required", text, header)
    method, target, version = head[: head.find(b"\n")].split()
    if method == b"CONNECT":
        return Request(*_authority(target, 0), b"", 0, method)
    if target[: len(_HTTP)].lower() != _HTTP:
        raise bad("a proxy is asked with CONNECT host:port, or for http://host/path")
    rest = target[len(_HTTP) :]
    ends = [at for sign in b"/?#" if (at := rest.find(sign)) >= 0]
    end = min(ends, default=len(rest))
    name, port = _authority(rest[:end].rpartition(b"@")[2], 80)
    path = rest[end:].partition(b"#")[0]
    if not path.startswith(b"/"):
        path = b"*" if method == b"OPTIONS" and not path else b"/" + path
    forwarded = b"%b %b %b\r\n%b" % (method, path, version, head[head.find(b"\n") + 1 :])
    for name_of_header in (b"proxy-authorization", b"proxy-connection"):
        forwarded = framing.without(forwarded, name_of_header)
    return Request(name, port, forwarded, length, method)


def _authority(text: bytes, usual: int) -> tuple[str, int]:
    """Name and port of `host:port`.

    `usual`: the port if none is written; 0 if one must be written.
    """
    text = text.lower()
    if text.startswith(b"["):
        name, bracket, port = text[1:].partition(b"]")
        if not bracket or (port and port[:1] != b":") or not _ADDRESS.issuperset(name):
            raise bad("the host between [ and ] is no IPv6 address")
        port = port[1:]
    else:
        name, _, port = text.partition(b":")
        name = name.removesuffix(b".")
        if not _NAME.issuperset(name):
            raise bad("the host is no name and no address")
    if not name or len(name) > _LONGEST:
        raise bad("the host is empty or too long")
    if not port and usual:
        return name.decode(), usual
    if not port.isdigit() or len(port) > 5 or not 0 < int(port) < 65536:
        raise bad("the port is no number from 1 to 65535")
    return name.decode(), int(port)
