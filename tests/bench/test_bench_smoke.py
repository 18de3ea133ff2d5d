"""The harness end to end, too short to mean anything; and its refusal to count a wrong answer."""

import json
import os
import shutil
import signal
import socket
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

import machine
from bench.__main__ import main
from bench.process import BenchError
from bench.sandbox import starts
from bench.targets import TARGETS
from bench.tools import Load, Server, compile_all, run_client


@pytest.fixture(autouse=True)
def compiler() -> None:
    machine.program("cc")


# A proxy in the least code: it relays whatever arrives, after `edit` has had its way with it.
PROXY = """
import socket, sys, threading
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
def pump(a, b, edit):
    while data := a.recv(65536):
        b.sendall(edit(data))
    b.shutdown(socket.SHUT_WR)
def serve(client):
    server = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    threading.Thread(target=pump, args=(client, server, bytes)).start()
    pump(server, client, EDIT)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


def proxy(where: Path, edit: str) -> str:
    where.write_text(PROXY.replace("EDIT", edit))
    return f"proto={sys.executable} {where} {{port}} {{upstream}}"


@pytest.mark.measures
def test_a_whole_run(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    also = proxy(tmp_path / "proxy.py", "bytes")
    output = tmp_path / "results.json"
    tree = tmp_path / "no-layer-here"
    args = ["--smoke", "--placement", "one", "--tree", str(tree), "--output", str(output)]
    assert main([*args, "--also", also]) == 0
    results = json.loads(output.read_text())
    assert results["paths"]["one"]["latency"]["proto"]["p50"]["median"] > 0
    assert results["held"]["proto"]["one"]["rss_kb"] > 1000
    mine = results["paths"]["one"]
    assert list(mine["parallel"]) == ["1", "8", "32", "64"]
    assert list(mine["payloads"]) == ["1 KB", "100 KB", "1 MB", "6 MB"]
    for measure in (*mine["parallel"].values(), *mine["payloads"].values()):
        assert measure["proto"]["per_s"]["median"] > 0
    assert mine["stream"]["proto"]["mb_per_s"]["median"] > 0
    assert mine["stream"]["proto"]["first_us"]["median"] > 0
    said = capfd.readouterr().out
    hops = {"direct": 0, "C forwarder": 1, "proto": 1}
    if shutil.which("socat"):
        hops["socat"] = 1
    else:
        assert "skipped socat: socat is not installed (apt-get install socat)" in said
    assert mine["hops"] == hops
    assert mine["harness"]["server_us"] > 0
    assert "skipped faultlayer: no " in said
    assert said.count("not measured") == len(TARGETS)
    assert "C forwarder" in said


@pytest.mark.measures
def test_a_proxy_that_damages_a_body_fails(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    damaged = proxy(tmp_path / "damaged.py", "lambda d: d[:-1] + b'!'")
    args = ["--smoke", "--placement", "one", "--tree", str(tmp_path)]
    args += ["--output", str(tmp_path / "results.json")]
    assert main([*args, "--also", damaged]) == 1
    said = capfd.readouterr().out
    assert "FAILED proto, warm: client: invocation" in said
    assert "FAILED proto, 6 MB: client: invocation" in said


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "not 200"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "another size"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", "no request id"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcdabcd", "undamaged"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcx", "undamaged"),
    ],
)
def test_the_client_refuses_a_wrong_event(tmp_path: Path, answer: bytes, reason: str) -> None:
    compile_all()
    server = Server()
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack:
        stack.callback(server.stop)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)
                connection.recv(4096)

        threading.Thread(target=serve).start()
        with pytest.raises(BenchError, match=reason):
            run_client(listener.getsockname()[1], server.port, Load(1, 4, 4, 0), tmp_path)


@pytest.mark.parametrize(
    ("path", "body"),
    [("8476a536-e9f4-4c1e-9a3c-000000000001", b"abc"), ("unknown-id", b"abc")],
)
def test_the_server_refuses_an_id_that_is_not_outstanding(path: str, body: bytes) -> None:
    compile_all()
    server = Server()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as s:
            head = f"POST /2018-06-01/runtime/invocation/{path}/response HTTP/1.1\r\n"
            s.sendall(head.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            assert s.recv(4096).startswith(b"HTTP/1.1 400 ")
    finally:
        server.stop()


def test_a_server_that_is_gone_is_no_subjects_fault() -> None:
    compile_all()
    server = Server()
    server.check()
    os.kill(server.pid, signal.SIGTERM)
    os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(BenchError, match="server was killed by signal 15"):
        server.check()
    server.stop()


def test_the_server_dates_a_registration() -> None:
    compile_all()
    server = Server()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as s:
            s.sendall(
                b"POST /2020-01-01/extension/register HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
            )
            answer = s.recv(4096)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"Lambda-Extension-Identifier: " in answer
        assert server.registered_at(timeout=30) > 0
    finally:
        server.stop()


CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n%s\r\n0\r\nA-Trailer: x\r\n\r\n"
WHOLE = b"Content-Length: %d\r\n\r\n%s"
LETTERS = b"abcdefghijklmnopqrstuvw"


@pytest.mark.parametrize(
    ("sent", "status", "size"),
    [
        (CHUNKED % b"17\r\nabcdefghijklmnopqrstuvw\r\n2;x=y\r\nab", b"202", 25),
        (CHUNKED % b"3\r\nabc\r\n2\r\nde", b"202", 5),
        (CHUNKED % b"3\r\nabc\r\n2\r\nef", b"400", 5),
        (WHOLE % (46, LETTERS * 2), b"202", 46),  # put together by a proxy
        (WHOLE % (46, LETTERS + LETTERS[::-1]), b"400", 46),
    ],
)
def test_the_server_reads_a_stream_cut_anywhere(sent: bytes, status: bytes, size: int) -> None:
    compile_all()
    server = Server()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n")
            head, _, body = s.recv(65536).partition(b"\r\n\r\n")
            while len(body) < 1024:
                body += s.recv(65536)
            request_id = head.lower().split(b"request-id: ")[1].split()[0]
            s.sendall(b"POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\n" % request_id)
            for byte in sent:
                s.sendall(byte.to_bytes(1, "big"))
            assert s.recv(4096).split()[1] == status
            s.sendall(b"GET /bench/stream HTTP/1.1\r\n\r\n")
            assert int(s.recv(4096).split()[-1]) == size
    finally:
        server.stop()


def test_the_share_of_a_core_is_left_as_it_was() -> None:
    before = set(Path("/sys/fs/cgroup").rglob("faultlayer-bench-*"))
    found = starts(Path("/nowhere"), [], 1, Path("/nowhere"), None, "share")
    assert found.skipped or found.failed.keys() == {"bare start"}
    assert set(Path("/sys/fs/cgroup").rglob("faultlayer-bench-*")) == before
