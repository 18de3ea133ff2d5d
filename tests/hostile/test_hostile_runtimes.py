"""A runtime that pipelines, breaks off, comes five hundred times at once, or shouts.

What it breaks is its own: no other connection is hurt, nothing it did not finish reaches upstream
as whole, and the proxy's memory, threads and descriptors are what they were once it is gone.
"""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.proxied import NEVER, Extension, Logged, Proxied, soon
from fakes.runtime import NEXT, Runtime, posted, stream_head, well
from fakes.runtime_api import RuntimeApi
from fakes.scripted import OK, Server
from fakes.wire import Wire

CROWD = 500
PING = b"GET /2018-06-01/ping HTTP/1.1\r\n\r\n"
REWRITING = {"CORRUPTION": "replace", "HEADERS": '{"x-a":"1"}'}


# -- pipelining -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "faults",
    [{}, {"LATENCY": "20ms"}, {"LATENCY": "20ms", "LATENCY_WHEN": "after"}, REWRITING],
    ids=["nothing due", "held before", "held after", "rewritten"],
)
def test_pipelined_requests_are_answered_one_by_one_in_their_order(
    api: RuntimeApi, proxied: Proxied, faults: dict[str, str]
) -> None:
    """A runtime that knows the ids beforehand asks for three events and answers all at once."""
    invoked = [api.invoke(b'{"number":%d}' % number) for number in range(3)]
    said = b""
    for each in invoked:
        headers = f"Lambda-Runtime-Invocation-Id: {each.invocation_id}\r\n".encode()
        said += NEXT + posted(each.request_id, "response", headers, b'{"statusCode":200}')
    with Runtime(proxied(api, **faults)) as runtime:
        runtime.wire.send(said + PING)
        for each in invoked:
            event = runtime.wire.response()
            assert runtime.id_of(event) == each.request_id
            assert event.content == each.payload
            assert runtime.wire.response().status == 202
        assert runtime.wire.response().status == 404
    for each in invoked:
        answered = each.result().json
        assert answered["statusCode"] == 200
        assert ("headers" in answered) == (faults is REWRITING)


# -- broken off -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "faults",
    [{}, REWRITING, {"STATUS": "503", "STATUS_WHEN": "after"}, {"DUPLICATE": "3"}],
    ids=["nothing due", "rewritten", "replaced", "delivered again"],
)
@pytest.mark.parametrize("kind", ["sized", "chunked", "streamed"])
@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
def test_an_answer_broken_off_in_its_body_is_never_whole(
    api: RuntimeApi, proxied: Proxied, faults: dict[str, str], kind: str, reset: bool
) -> None:
    """What becomes of the invocation is upstream's to say, as without the layer."""
    address = proxied(api, **faults)
    invoked = api.invoke()
    with Runtime(address) as runtime:
        event = runtime.next()
        identity = f"Lambda-Runtime-Invocation-Id: {invoked.invocation_id}\r\n".encode()
        if kind == "sized":
            said = posted(runtime.id_of(event), "response", identity, b"x" * 1_000_000)[:500_000]
        else:
            said = stream_head(runtime.id_of(event), identity) + b"%x\r\n" % 1_000_000 + b"x" * 9000
            if kind == "chunked":
                said = said.replace(b"streaming", b"buffered")
        runtime.wire.send(said)
        if reset:
            runtime.wire.reset()
    after = api.invoke()
    with Runtime(address) as other:
        assert other.id_of(other.next()) == after.request_id
    assert not invoked.done.is_set()


# -- a crowd --------------------------------------------------------------------------------------


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """This process holds both other ends of each of the crowd's connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_five_hundred_connections_at_once_are_all_served(
    api: RuntimeApi, tmp_path: Path, many_descriptors: None
) -> None:
    """Each has an event of its own; the descriptors, threads and memory come back."""
    with Extension(api.host, tmp_path, **NEVER) as extension:
        api.wait_polls(1)
        with Runtime(extension.address) as runtime:
            api.invoke()
            runtime.turn()
        pid = extension.process.pid
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (1024, 1024))  # what Lambda gives
        before = extension.descriptors(), extension.status("Threads")
        runtimes = [Runtime(extension.address) for _ in range(CROWD)]
        try:
            for runtime in runtimes:
                runtime.wire.send(NEXT)
            assert soon(lambda: len(api.conns) > CROWD, 30)
            invoked = [api.invoke(b'{"number":%d}' % number) for number in range(CROWD)]
            events = [runtime.wire.response() for runtime in runtimes]
            assert extension.status("Threads") >= CROWD
            for runtime, event in zip(runtimes, events):
                assert runtime.respond(event, event.content).status == 202
            for each in invoked:
                assert each.result(30).content == each.payload
        finally:
            for runtime in runtimes:
                runtime.wire.close()
        # Upstream connections are kept for the next runtime, 64 of them.
        assert soon(lambda: extension.status("Threads") <= before[1], 30)
        assert soon(lambda: extension.descriptors() <= before[0] + 64, 30)
        with Runtime(extension.address) as runtime:
            api.invoke()
            runtime.turn()
        assert not extension.log


# -- shouting -------------------------------------------------------------------------------------


def shout(client: Wire, piece: int = 10 << 20) -> None:
    """Send a request with a header of 10 MB, or as much of it as is taken."""
    try:
        client.send(NEXT[:-2] + b"X-Long: ")
        for _ in range(0, 10 << 20, piece):
            client.send(b"x" * piece)
        client.send(b"\r\n\r\n")
    except ConnectionError:
        pass


@pytest.mark.parametrize("piece", [10 << 20, 60_000], ids=["in one", "in pieces"])
def test_a_header_of_10_mb_ends_its_connection_and_no_other(
    api: RuntimeApi, tmp_path: Path, piece: int
) -> None:
    """In bounded memory: no more of it is kept than the longest head that is allowed, 2 MB."""
    with Extension(api.host, tmp_path, **NEVER) as extension:
        api.wait_polls(1)
        with Runtime(extension.address) as other:
            api.invoke()
            event = other.next()
            before = extension.status("VmHWM")
            with Wire.to(extension.address) as client:
                shout(client, piece)
                assert client.ended(5)
            assert extension.status("VmHWM") - before < 14 << 10
            assert other.respond(event, b'"done"').status == 202
        assert not extension.log


def test_a_header_of_10_mb_never_reaches_upstream(proxied: Proxied, upstream: Server) -> None:
    address = proxied(upstream)
    with Wire.to(address) as client:
        shout(client)
        assert client.ended(5)
    well(address)
    assert len(upstream.requests) == 2


def test_a_runtime_that_never_reads_its_answers_holds_back_itself_alone(
    proxied: Proxied, upstream: Server, logged: Logged
) -> None:
    upstream.answer = lambda request: (
        b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n" + b"x" * 8_000_000
        if request.target.endswith("/greedy")
        else OK
    )
    address = proxied(upstream)
    with Wire.to(address) as deaf:
        deaf.send(b"GET /greedy HTTP/1.1\r\n\r\n" * 50)
        done = threading.Event()

        def others() -> None:
            for _ in range(20):
                well(address)
            done.set()

        threading.Thread(target=others, daemon=True).start()
        assert done.wait(20)
    assert soon(lambda: sum(not conn.over.is_set() for conn in upstream.conns) <= 64)
    assert not logged()
