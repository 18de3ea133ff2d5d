"""Lambda's side: closed idle connections, interim responses, runtimes that have left."""

from __future__ import annotations

import pytest

from faultlayer.http.message import Message
from faultlayer.http.runtime_api import MAX_EVENT
from faultlayer.wire.sockets import Gone
from unit.wire.sides import CLOSE, sides

POLL = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"
RESULT = b"POST /2018-06-01/runtime/invocation/1/response HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
EVENT = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nevent"
RECEIPT = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok"


def test_requests_and_responses_on_one_connection() -> None:
    with sides([EVENT, RECEIPT]) as both:
        assert both.upstream.send(POLL).data == EVENT
        assert both.upstream.send(RESULT).data == RECEIPT
        assert both.got == [POLL, RESULT]


def test_a_connection_that_lambda_closed_while_it_was_idle_costs_nothing() -> None:
    with sides([EVENT, CLOSE], [RECEIPT]) as both:
        both.upstream.send(POLL)
        assert both.upstream.send(RESULT).data == RECEIPT
        assert both.got == [POLL, RESULT, RESULT]


def test_a_new_connection_that_lambda_closes_is_not_tried_again() -> None:
    with sides([CLOSE], [RECEIPT]) as both:
        with pytest.raises(Gone):
            both.upstream.send(RESULT)
        assert both.got == [RESULT]


def test_interim_responses_go_to_the_runtime() -> None:
    with sides([b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + RECEIPT]) as both:
        response = both.upstream.send(RESULT)
        assert response.data == RECEIPT
        assert both.upstream.forward_response(response)
        assert both.client.recv(999) == b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + RECEIPT


def test_the_last_response_of_a_connection_ends_both() -> None:
    last = b"HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    with sides([last]) as both:
        response = both.upstream.send(RESULT)
        both.client.shutdown(1)
        assert not both.upstream.forward_response(response)
        assert both.client.recv(999) == last
        assert both.client.recv(1) == b""


def test_nothing_is_polled_for_a_runtime_that_has_left_and_its_results_are_sent() -> None:
    with sides([RECEIPT]) as both:
        both.upstream._end_poll()
        with pytest.raises(Gone):
            both.upstream.send_and_peek(POLL)
        assert both.upstream.send(RESULT).data == RECEIPT
        assert both.got == [RESULT]


def test_an_event_longer_than_any_can_be_is_not_buffered() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    with sides() as both:
        event = Message(head, head.lower(), MAX_EVENT + 1)
        assert both.upstream.buffer_event(event) is None


def test_an_event_is_buffered_and_forwarded_with_what_was_read() -> None:
    size = 200_000
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    with sides([head + b"x" * size]) as both:
        event = both.upstream.send(POLL)
        assert both.upstream.buffer_event(event) == b"x" * size
        assert event.body is None
        assert both.upstream.forward_response(event)
        got = b""
        while len(got) < len(head) + size:
            got += both.client.recv(65536)
        assert got == head + b"x" * size


def test_a_request_in_pieces_whose_end_lambda_does_not_wait_for() -> None:
    refused = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"
    with sides([refused, CLOSE]) as both:
        send = both.upstream.begin_request(RESULT[:-2])
        send(b"{")
        send(b"}")
        assert both.upstream.finish_request().status == 413
