"""The server before a function, as clients of many kinds meet it."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest
import requests
from stand_in_endpoint import Notes

from faultlayer_cli.errors import Failure
from faultlayer_cli.running.web_server import Reply, Request, WebServer

LIMIT = 100_000


asked: list[str] = []


async def tell(request: Request) -> Reply:
    """Answer with the request itself, its body as a number of bytes."""
    asked.append(request.path)
    if request.path == "/fail":
        raise ValueError("no")
    if request.path == "/none":
        return Reply(204, b"never sent")
    seen = asdict(request) | {"body": len(request.body)}
    status = 413 if request.too_large else 200
    return Reply(status, json.dumps(seen).encode(), (("X-One", "é"), ("set-cookie", "a=1")))


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[WebServer, Notes]]:
    notes = Notes()
    with closing(WebServer(None, LIMIT, notes)) as server:
        server.start(tell)
        yield server, notes


@pytest.fixture
def url(served: tuple[WebServer, Notes]) -> str:
    return f"http://127.0.0.1:{served[0].port}"


def raw(url: str, *pieces: bytes, ending: bool = False) -> bytes:
    """All that the server sends until it closes; `ending` closes our side after the last piece."""
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as near:
        for piece in pieces:
            near.sendall(piece)
        if ending:
            near.shutdown(socket.SHUT_WR)
        got = bytearray()
        while piece := near.recv(65536):
            got += piece
    return bytes(got)


def test_a_connection_is_kept_and_every_header_counts(url: str):
    with requests.Session() as session:
        for _ in range(3):
            answer = session.get(url + "/a%2Fb?q=%20&q", headers={"X-Two": "ü".encode()})
            seen = answer.json()
            assert (seen["method"], seen["path"], seen["query"]) == ("GET", "/a%2Fb", "q=%20&q")
            assert (seen["version"], seen["client"]) == ("HTTP/1.1", "127.0.0.1")
            assert ["x-two", "ü"] in seen["headers"]
            assert answer.raw.headers.getlist("set-cookie") == ["a=1"]
            assert answer.headers["x-one"].encode("latin-1").decode() == "é"
        assert len(session.adapters["http://"].poolmanager.connection_from_url(url).pool.queue) > 0
    twice = raw(url, b"GET / HTTP/1.1\r\nhost: x\r\na: 1\r\nA: 2\r\nconnection: close\r\n\r\n")
    assert b'["a", "1"], ["a", "2"]' in twice


def test_other_ways_to_ask(url: str):
    head = requests.head(url + "/x")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 100
    assert requests.options(url).json()["method"] == "OPTIONS"
    assert requests.request("PURGE", url).json()["method"] == "PURGE"
    none = requests.delete(url + "/none")
    assert (none.status_code, none.content, none.headers.get("content-length")) == (204, b"", None)
    assert requests.get(url + "/?" + "x" * 30_000).json()["query"] == "x" * 30_000
    whole = raw(url, b"GET http://else.where/p?q HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert b'"path": "/p", "query": "q"' in whole


def test_an_old_client_and_a_hasty_one(url: str):
    old = raw(url, b"POST /old HTTP/1.0\r\ncontent-length: 3\r\n\r\nabc")
    assert b'"version": "HTTP/1.0"' in old and b'"body": 3' in old
    ask = b"GET /%d HTTP/1.1\r\nhost: x\r\n%s\r\n"
    both = raw(url, ask % (1, b"") + ask % (2, b"connection: close\r\n"))
    assert both.index(b'"path": "/1"') < both.index(b'"path": "/2"')
    assert raw(url, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_a_client_that_has_sent_everything_is_answered(url: str):
    ask = b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n"
    assert b'"body": 2' in raw(url, ask + b"{}", ending=True)
    assert b'"body": 2' in raw(url, ask, b"{}", ending=True)
    del asked[:]
    for unfinished in (b"", b"POST /x HT", ask, ask + b"{"):
        assert raw(url, unfinished, ending=True) == b""
    requests.get(url + "/last")
    assert asked == ["/last"]


def test_bodies(url: str):
    assert requests.post(url, data=b"x" * LIMIT).json()["body"] == LIMIT
    pieces = iter([b"x" * 50_000] * 2)
    assert requests.post(url, data=pieces).json()["body"] == LIMIT
    with requests.Session() as session:  # which goes on after what was too large
        for body in (b"x" * (LIMIT + 1), b"x" * 10_000_000, iter([b"x" * 60_000] * 5)):
            answer = session.post(url, data=body)
            assert (answer.status_code, answer.json()["too_large"]) == (413, True)
            assert session.post(url, data=b"abc").json()["body"] == 3


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
@pytest.mark.parametrize(("size", "status"), [(LIMIT, "200"), (2_000_000, "413")])
def test_curl_waits_for_100_continue(url: str, tmp_path: Path, size: int, status: str):
    (tmp_path / "body").write_bytes(b"x" * size)
    arguments = ["-s", "-o", "-", "-w", "%{http_code}", "-H", "Expect: 100-continue", "-m", "20"]
    done = subprocess.run(
        ["curl", *arguments, "--data-binary", f"@{tmp_path / 'body'}", url],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith(status)
    assert f'"body": {size if status == "200" else 0}' in done.stdout


def test_a_handler_that_fails_is_told(served: tuple[WebServer, Notes], url: str):
    assert requests.get(url + "/fail").status_code == 500
    assert served[1].all == ["GET /fail: internal error: ValueError('no')"]
    assert requests.get(url).status_code == 200


def test_it_ends_in_the_middle_of_an_answer():
    asked = threading.Event()

    async def never(request: Request) -> Reply:
        asked.set()
        await asyncio.sleep(60)
        return Reply(200)

    server = WebServer(None, LIMIT)
    server.start(never)
    url = f"http://127.0.0.1:{server.port}"
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(requests.get, url, timeout=20)
        assert asked.wait(10)
        server.close()
        assert answer.result(10).status_code == 500
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", server.port)) != 0


def test_a_port_that_is_taken(served: tuple[WebServer, Notes]):
    with pytest.raises(Failure, match=f"cannot listen on port {served[0].port}: "):
        WebServer(served[0].port, LIMIT)
