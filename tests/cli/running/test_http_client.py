"""One HTTP request at a time: what came back, as it came, or one line that says why nothing did."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from faultlayer_cli.running.http_client import NoAnswer, send
from faultlayer_cli.running.ports import LOOPBACK, free_port

OK = b"HTTP/1.1 200 OK\r\nX-One: 1\r\nContent-Length: 2\r\n\r\nhi"
Serve = Callable[[bytes], str]


def whole_request(connection: socket.socket) -> bytes:
    """A whole request: its head and its body may arrive one after the other."""
    data = b""
    while piece := connection.recv(65536):
        data += piece
        head, end, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        if end and len(body) >= int(length[1] if length else 0):
            break
    return data


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Answers every connection with these bytes, and closes it; `serve.seen` has the requests."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        listener.settimeout(10)
        seen: list[bytes] = []

        def start(response: bytes) -> str:
            def run() -> None:
                connection, _ = listener.accept()
                with connection:
                    seen.append(whole_request(connection))
                    connection.sendall(response)

            threading.Thread(target=run, daemon=True).start()
            return f"http://{LOOPBACK}:{listener.getsockname()[1]}/path"

        start.seen = seen
        yield start


def test_an_answer_with_its_parts(serve: Serve):
    answer = send("POST", serve(OK), b'{"a": 1}', {"X-Mine": "yes"}, limit=5)
    assert (answer.status, answer.headers["x-one"], answer.body) == (200, "1", b"hi")
    assert answer.seconds < 5
    (request,) = serve.seen
    assert request.startswith(b"POST /path HTTP/1.1\r\n")
    assert b"X-Mine: yes\r\n" in request
    assert request.endswith(b'\r\n\r\n{"a": 1}')


def test_an_empty_body_has_a_length(serve: Serve):
    send("POST", serve(OK), limit=5)
    assert b"Content-Length: 0\r\n" in serve.seen[0]


def test_no_proxy_of_the_environment_is_asked(serve: Serve, monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{LOOPBACK}:{free_port()}")
    assert send("GET", serve(OK), limit=5).body == b"hi"


def test_a_redirect_is_an_answer(serve: Serve):
    found = send(
        "GET",
        serve(
            b"HTTP/1.1 302 Found\r\nLocation: http://nowhere.invalid/\r\nContent-Length: 0\r\n\r\n"
        ),
        limit=5,
    )
    assert found.status == 302


@pytest.mark.parametrize(
    "response",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf", b"nonsense\r\n\r\n"],
    ids=["closed", "cut off", "not HTTP"],
)
def test_no_whole_answer_is_one_line(serve: Serve, response: bytes):
    with pytest.raises(NoAnswer) as caught:
        send("POST", serve(response), b"{}", limit=5)
    message = str(caught.value)
    assert message
    assert "\n" not in message
    assert "HTTPConnectionPool" not in message


def test_nobody_listens():
    with pytest.raises(NoAnswer, match="refused"):
        send("GET", f"http://{LOOPBACK}:{free_port()}/", limit=5)


def test_an_answer_that_never_comes():
    with socket.create_server((LOOPBACK, 0)) as listener:
        url = f"http://{LOOPBACK}:{listener.getsockname()[1]}/"
        with pytest.raises(NoAnswer, match=r"no answer within 0\.2 s"):
            send("GET", url, limit=0.2)


def test_it_asks_for_the_bytes_as_they_are(serve: Serve):
    send("GET", serve(OK), limit=5)
    assert b"Accept-Encoding: identity\r\n" in serve.seen[0]
