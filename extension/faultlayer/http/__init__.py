"""HTTP/1.1 without I/O: bytes to messages and back (RFC 9112).

    bytes ── framing.scan ──▶ where the head ends, how long the body is
          ── framing.Sized | Chunked | Endless ──▶ where the body ends, its content
          ── Message ──▶ head, body, and what is still to arrive
    runtime_api ──▶ requests of our own, as bytes

Message boundaries are found, and what lies between them keeps every byte. What has no certain end
is refused with ProtocolError, since forwarding it could join two messages. This room has no
sockets, and knows no faults.
"""
