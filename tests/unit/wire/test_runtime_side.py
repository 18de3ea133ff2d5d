"""The runtime's side: requests in pieces, bodies that wait to be asked for, and who has left."""

from __future__ import annotations

import time

import pytest

from faultlayer.wire.sockets import Gone
from unit.wire.sides import sides

POST = b"POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\r\nHost: x\r\n"


def test_a_small_request_is_read_to_its_end_and_the_next_one_is_kept() -> None:
    with sides() as both:
        whole = POST + b"Content-Length: 5\r\n\r\n12345"
        both.client.sendall(whole[20:] + b"GET /next")
        request = both.runtime.read_request(whole[:20])
        assert (request.data, request.body) == (whole, None)
        assert both.runtime.peer.take() == b"GET /next"


def test_a_long_request_is_read_as_far_as_it_has_arrived() -> None:
    with sides() as both:
        request = both.runtime.read_request(POST + b"Content-Length: 100000\r\n\r\n12345")
        assert request.arrived == b"12345"
        assert request.body is not None
        both.client.sendall(b"x" * 99995)
        content = bytearray()
        assert both.runtime.read_body(request, content.extend) == b""
        assert content == b"12345" + b"x" * 99995


def test_a_body_that_waits_to_be_asked_for_is_asked_for() -> None:
    with sides() as both:
        head = POST + b"Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n"
        request = both.runtime.read_request(head)
        assert request.body is not None
        both.client.sendall(b"12345")
        both.runtime.read_body(request, None)
        assert both.client.recv(99) == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_the_trailers_of_a_body_in_chunks() -> None:
    with sides() as both:
        head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        request = both.runtime.read_request(head + b"3\r\nabc\r\n")
        both.client.sendall(b"0\r\nLambda-Runtime-Function-Error-Type: E\r\n\r\n")
        content = bytearray()
        trailer = both.runtime.read_body(request, content.extend)
        assert (bytes(content), trailer) == (
            b"abc",
            b"Lambda-Runtime-Function-Error-Type: E\r\n\r\n",
        )


def test_waiting_ends_if_the_runtime_leaves() -> None:
    with sides() as both:
        both.runtime.wait(0.01)
        both.client.close()
        with pytest.raises(Gone):
            both.runtime.wait(60)


def test_the_end_of_a_runtime_is_noticed_by_the_watch() -> None:
    with sides() as both:
        both.client.close()
        until = time.monotonic() + 20
        while not both.upstream._abandoned and time.monotonic() < until:
            both.watch.look()  # as the main thread does
            time.sleep(0.01)
        assert both.upstream._abandoned
