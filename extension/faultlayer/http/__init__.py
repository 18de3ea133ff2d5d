"""HTTP/1.1 without I/O: bytes to messages and back (RFC 9112).

    bytes ── framing.scan ──▶ the head's end, the body's length
          ── framing.Sized | Chunked | Endless ──▶ the body's end, its content
          ── Message ──▶ head, body, and the part that is still to arrive
    runtime_api ──▶ requests of our own, as bytes

This room finds the boundaries of messages and changes nothing between them. A message without a
certain end is refused with ProtocolError, since forwarding it could join two messages. The room
has no sockets, and knows no faults.
"""
