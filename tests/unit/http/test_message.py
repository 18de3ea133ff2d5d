"""Messages as they pass: the content in any framing, pieces that were read ahead, a new content."""

from __future__ import annotations

from faultlayer.http import framing
from faultlayer.http.message import Message

SIZED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\nX-A: 1\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n"


def arrived(head: bytes, body: bytes, length: int) -> Message:
    return Message(head + body, head.lower(), length)


def test_a_body_of_known_length() -> None:
    message = arrived(SIZED, b"hello", 5)
    assert (message.head, message.arrived, message.content()) == (SIZED, b"hello", b"hello")
    assert message.status == 202


def test_a_body_in_chunks_that_was_read_ahead_in_pieces() -> None:
    message = arrived(CHUNKED, b"3\r\nhel\r\n", framing.CHUNKED)
    message.more = (b"2\r", b"\nlo\r\n0\r\n\r\n")
    assert message.content() == b"hello"
    assert list(message.pieces()) == [b"2\r", b"\nlo\r\n0\r\n\r\n"]
    assert list(message.pieces()) == [], "each is let go of once it is given"


def test_a_new_content_has_its_length_and_keeps_the_other_headers() -> None:
    for message in (
        arrived(SIZED, b"hello", 5),
        arrived(CHUNKED, b"5\r\nhello\r\n0\r\n\r\n", framing.CHUNKED),
    ):
        message.replace(b"something else")
        assert message.content() == b"something else"
        assert message.data.endswith(b"\r\n\r\nsomething else")
        assert b"x-a: 1\r\n" in message.lowered
        assert b"content-length: 14\r\n" in message.lowered
        assert b"transfer-encoding" not in message.lowered
        assert message.head.lower() == message.lowered
