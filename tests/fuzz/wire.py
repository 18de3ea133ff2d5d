"""HTTP framing: what h11 accepts passes unchanged, and pieces mean what the whole does."""

from __future__ import annotations

import h11

from faultlayer.http import framing
from fuzz.endpoints import MOST, End, Server, pieces, serve


def requests(data: bytes) -> None:
    """What a client sends: upstream gets its first bytes as they are, all that h11 accepts."""
    if not data:
        return
    stream, servers = data[1:], []

    def upstream() -> End:
        servers.append(Server())
        return servers[-1].end

    client = End(pieces(stream, data[0]), ended=True)
    try:
        serve(client, upstream)
    finally:
        for server in servers:
            server.end.close()
    forwarded = b"".join(bytes(server.end.sent) for server in servers)
    assert stream.startswith(forwarded), "other bytes than came"
    oracle = Server()
    oracle.hear(stream)
    oracle.end.close()
    assert len(forwarded) >= oracle.accepted, "less than h11 accepts"


_ASKED = (
    b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
    b"HEAD /x HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
)


def answers(data: bytes) -> None:
    """What upstream says: the client gets its first bytes as they are, all that h11 accepts."""
    if len(data) < 2:
        return
    asked, stream = _ASKED[data[1] % len(_ASKED)], data[2:]
    client = End(pieces(asked, data[1] // 4), ended=True)
    upstream: list[End] = []

    def answering() -> End:
        upstream.append(End(pieces(stream, data[0]), ended=True))
        return upstream[-1]

    serve(client, answering)
    got = bytes(client.sent)
    assert stream.startswith(got), "other bytes than came"
    assert len(got) >= _accepted(asked.partition(b" ")[0], stream), "less than h11 accepts"


def _accepted(method: bytes, stream: bytes) -> int:
    """How many bytes of these belong to whole answers as h11 reads them."""
    conn = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST)
    conn.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    conn.send(h11.EndOfMessage())
    conn.receive_data(stream)
    conn.receive_data(b"")
    accepted = 0
    try:
        while True:
            event = conn.next_event()
            if event is h11.PAUSED or event is h11.NEED_DATA:
                return accepted
            head = isinstance(event, (h11.InformationalResponse, h11.Response))
            if head and not event.http_version.startswith(b"1."):
                return accepted
            if isinstance(event, (h11.InformationalResponse, h11.EndOfMessage)):
                accepted = len(stream) - len(conn.trailing_data[0])
            if isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
                return accepted
    except h11.RemoteProtocolError:
        return accepted


def chunks(data: bytes) -> None:
    """A chunked body: bytes one by one mean what the whole does, and what h11 reads is read."""
    whole = _fed([data])
    assert _fed([data[at : at + 1] for at in range(len(data))]) == whole
    conn = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST)
    conn.receive_data(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + data)
    content = b""
    try:
        while not isinstance(event := conn.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                return
            if isinstance(event, h11.Data):
                content += bytes(event.data)
    except h11.RemoteProtocolError:
        return
    assert whole == (content, len(data) - len(conn.trailing_data[0]), True)


def _fed(parts: list[bytes]) -> object:
    body, content, count = framing.Chunked(), bytearray(), 0
    try:
        for part in parts:
            count += body.feed(part, content.extend)
    except framing.ProtocolError:
        return "refused"
    return bytes(content), count, body.done


def heads(data: bytes) -> None:
    """A head: where it ends does not hang on how it arrives, and edits change what they name."""
    end = framing.head_end(data)
    grown = next((at for at in range(len(data) + 1) if framing.head_end(data[:at]) >= 0), -1)
    assert end == grown
    if end < 0:
        assert framing.scan(data) == (b"", framing.NONE)
        return
    try:
        lowered, length = framing.scan(data)
        assert lowered == data[:end].lower()
        framing.closes(lowered)
        if data.startswith(b"HTTP/"):
            framing.status_of(data)
        else:
            framing.check_request(lowered, length)
    except framing.ProtocolError:
        return
    head = data[:end]
    assert framing.scan(head) == (lowered, length)
    bare = framing.without(framing.without(head, b"transfer-encoding"), b"content-length")
    assert framing.without(bare, b"content-length") == bare
    sized = framing.with_length(bare, 7)
    assert framing.head_end(sized) == len(sized)
    assert framing.scan(sized)[1] == 7
