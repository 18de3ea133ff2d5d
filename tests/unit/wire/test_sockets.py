"""Connections: heads and bodies in any pieces, peers that leave, and waits that end in time."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from fakes.proxied import soon
from faultlayer.http import framing
from faultlayer.http.framing import MAX_HEAD, ProtocolError
from faultlayer.startup.relay import READABLE, Loop
from faultlayer.wire import sockets
from faultlayer.wire.sockets import Gone
from unit.wire.sides import Pair

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


def pieces(far: socket.socket, *parts: bytes, then_close: bool = False) -> None:
    """Send these, each by itself."""

    def send() -> None:
        with contextlib.suppress(OSError):  # the test may have ended
            for part in parts:
                far.sendall(part)
                time.sleep(0.01)
            if then_close:
                far.shutdown(socket.SHUT_RDWR)

    threading.Thread(target=send, daemon=True).start()


def test_a_head_is_received_to_its_end(pair: Pair) -> None:
    peer, far = pair
    pieces(far, HEAD[20:-1], HEAD[-1:] + b"hel")
    data, lowered, length = peer.complete_head(HEAD[:20])
    assert (data[: len(HEAD)], lowered, length) == (HEAD, HEAD.lower(), 5)


def test_a_head_that_breaks_off_or_never_ends(pair: Pair) -> None:
    peer, far = pair
    pieces(far, b"a" * (MAX_HEAD + 70_000))
    with pytest.raises(ProtocolError, match="without end"):
        peer.complete_head(b"HTTP/1.1 200 OK\r\nA: ")
    far.close()
    while peer.recv(sockets.BULK):
        pass
    with pytest.raises(Gone):
        peer.complete_head(b"HTTP/1.1")


def test_a_body_is_completed_and_what_follows_is_kept(pair: Pair) -> None:
    peer, far = pair
    pieces(far, b"el", b"loHTTP", then_close=True)
    assert peer.complete(b"h", 5) == b"hello"
    assert peer.take() == b"HTTP"
    with pytest.raises(Gone, match="a body"):
        peer.complete(b"h", 5)


def test_whether_an_idle_one_is_of_use(pair: Pair) -> None:
    peer, far = pair
    assert not peer.stale()
    peer.pending = b"x"
    assert peer.stale(), "it was told what nobody asked for"
    peer.pending = b""
    far.sendall(b"x")
    assert soon(peer.stale)
    assert not peer.left()
    far.close()
    assert soon(peer.left)
    assert peer.last_words() == b"x"
    assert peer.last_words() == b""
    peer.close()
    assert peer.left()


def test_one_that_is_hung_up_on_ends_whoever_waits_for_it(pair: Pair) -> None:
    peer, _ = pair
    threading.Timer(0.05, peer.hang_up).start()
    assert peer.recv(1) == b""
    peer.hang_up()
    peer.close()
    peer.hang_up()
    peer.linger()


def test_a_reset_tells_the_other_side_at_once(pair: Pair) -> None:
    peer, far = pair
    peer.reset()
    with pytest.raises(ConnectionResetError):
        far.recv(1)


def test_a_wait_lasts_and_ends_where_the_runtime_leaves(pair: Pair) -> None:
    peer, far = pair
    began = time.monotonic()
    sockets.wait_while_open(peer, 0.1, time.monotonic)
    assert time.monotonic() - began >= 0.1
    far.close()
    with pytest.raises(Gone):
        sockets.wait_while_open(peer, 60, time.monotonic)


@pytest.mark.parametrize("how", ["sends", "time", "unwanted", "pending"])
def test_a_wait_for_input(pair: Pair, how: str) -> None:
    peer, far = pair
    until = time.monotonic() + (0.1 if how == "time" else 60)
    if how == "sends":
        far.sendall(b"x")
    if how == "pending":
        peer.pending = b"x"
    sockets.wait_for_input(peer, until, time.monotonic, lambda: how != "unwanted")
    assert time.monotonic() >= until or how != "time"


def test_a_runtime_that_left_is_waited_for_as_long_as_that_is_wanted(pair: Pair) -> None:
    peer, far = pair
    far.close()
    wanted = iter([True, True, False])
    sockets.wait_for_input(peer, time.monotonic() + 60, time.monotonic, lambda: next(wanted))
    assert next(wanted, None) is None


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("with_content", [False, True])
def test_a_body_is_handed_on_as_it_came(pair: Pair, kept: bool, with_content: bool) -> None:
    peer, far = pair
    chunks = [b"3\r\nabc\r\n", b"2\r", b"\nde\r\n0\r\n\r\n", b"HTTP/1.1"]
    body = framing.body(framing.CHUNKED)
    raw, content = bytearray(), bytearray()
    pieces(far, *chunks, then_close=True)
    out = content.extend if with_content else None
    sockets.stream(peer, body, raw.extend, out, kept=kept)
    assert bytes(raw) == b"".join(chunks[:3])
    assert bytes(content) == (b"abcde" if with_content else b"")


def test_a_body_that_breaks_off(pair: Pair) -> None:
    peer, far = pair
    pieces(far, b"ab", then_close=True)
    with pytest.raises(Gone):
        sockets.stream(peer, framing.body(5), lambda piece: None)


def test_a_body_that_ends_with_the_connection(pair: Pair) -> None:
    peer, far = pair
    got = bytearray()
    pieces(far, b"ab", b"cd", then_close=True)
    sockets.stream(peer, framing.body(framing.UNTIL_CLOSE), got.extend)
    assert bytes(got) == b"abcd"


def test_with_little_memory_less_is_taken_at_once(pair: Pair) -> None:
    peer, _ = pair
    asked: list[int] = []

    def scarce(size: int) -> bytes:
        asked.append(size)
        if size > 4096:
            raise MemoryError
        return far_says.pop(0)

    far_says = [b"hel", b"lo"]
    peer.recv = scarce
    got = bytearray()
    sockets.stream(peer, framing.body(5), got.extend)
    assert (bytes(got), asked) == (b"hello", [sockets.BULK, 4096] * 2)


def looking(watch: sockets.Watch) -> None:
    """What the main thread does, whose loop this is a part of."""
    loop = Loop()
    loop.add(watch.fileno(), READABLE, watch.look)
    while True:
        loop.turn()


def test_the_watch_tells_each_once_that_its_runtime_left(pair: Pair) -> None:
    peer, far = pair
    watch = sockets.Watch()
    left: list[str] = []
    threading.Thread(target=looking, args=(watch,), daemon=True).start()
    watch.add(peer, lambda: left.append("left"))
    time.sleep(0.05)
    assert left == []
    far.close()
    assert soon(lambda: left == ["left"])
    watch.remove(peer)


def test_nobody_is_told_of_one_that_was_removed(pair: Pair) -> None:
    peer, far = pair
    watch = sockets.Watch()
    threading.Thread(target=looking, args=(watch,), daemon=True).start()
    watch.add(peer, lambda: pytest.fail("told"))
    watch.remove(peer)
    far.close()
    time.sleep(0.05)


def test_a_connection_to_nobody_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with pytest.raises(ConnectionRefusedError):
        sockets.connect(address)
