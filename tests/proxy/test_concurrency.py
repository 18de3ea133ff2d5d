"""Any number of connections at once: a delayed invocation delays no other, none is mixed up."""

from __future__ import annotations

import json
import threading
import time

import pytest

from fakes.proxied import Logged, Proxied, soon
from fakes.runtime import HTTP_STREAM, NEXT, Runtime
from fakes.runtime_api import RuntimeApi

CONNECTIONS = 32


def test_one_delayed_by_two_seconds_delays_no_other(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    address = proxied(api, LATENCY="2s", LATENCY_MAX="1")
    took: dict[str, float] = {}

    def work() -> None:
        with Runtime(address) as runtime:
            event = runtime.next()
            name = runtime.id_of(event)
            took[name] = time.monotonic() - api.given[name].given
            assert runtime.respond(event, b"1").status == 202

    workers = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for worker in workers:
        worker.start()
    time.sleep(0.3)  # all of them wait
    begun = time.monotonic()
    invoked = [api.invoke() for _ in range(CONNECTIONS)]
    for worker in workers:
        worker.join(10)
    slowest, *others = sorted(took.values(), reverse=True)
    assert 2 <= slowest < 2.5
    assert len(others) == CONNECTIONS - 1
    assert others[0] < 0.7
    times = sorted(item.result().answered - begun for item in invoked)
    assert times[-1] >= 2 and times[-2] < 1
    assert len(logged("fault_injected")) == 1


@pytest.mark.parametrize("seeded", [False, True])
def test_nothing_is_lost_doubled_or_mixed_up(
    api: RuntimeApi, proxied: Proxied, logged: Logged, seeded: bool
) -> None:
    count = 1000
    faults = {
        "LATENCY": "0ms..3ms",
        "LATENCY_RATE": "30%",
        "EXCEPTION": "Chaos: m",
        "EXCEPTION_RATE": "10%",
        "STATUS": "503",
        "STATUS_RATE": "10%",
        "STATUS_WHEN": "after",
        "CORRUPTION": "replace",
        "CORRUPTION_BODY": "R",
        "CORRUPTION_RATE": "10%",
        "HEADERS": '{"x":"y"}',
        "HEADERS_RATE": "10%",
    }
    address = proxied(api, **faults, **({"SEED": "1"} if seeded else {}))
    invoked = {}
    for number in range(count):
        payload = json.dumps({"number": number}).encode()
        item = api.invoke(payload)
        invoked[item.request_id] = item
    over = threading.Event()
    problems: list[Exception] = []

    def work(index: int) -> None:
        try:
            turn(index)
        except Exception as error:
            if not over.is_set():
                problems.append(error)

    def turn(index: int) -> None:
        with Runtime(address) as runtime:
            while True:
                runtime.wire.send(NEXT)
                event = runtime.wire.response()
                fields = {"statusCode": 200, "headers": {}, "body": event.content.decode()}
                if index % 3:
                    said = runtime.respond(event, json.dumps(fields).encode())
                else:
                    body = fields.pop("body")
                    assert isinstance(body, str)
                    prelude = json.dumps(fields).encode() + b"\0" * 8
                    said = runtime.stream(event, prelude, body.encode(), headers=HTTP_STREAM)
                assert said.status == 202

    workers = [
        threading.Thread(target=work, args=(index,), daemon=True) for index in range(CONNECTIONS)
    ]
    for worker in workers:
        worker.start()
    for item in invoked.values():
        item.result(30)
    assert not problems
    over.set()
    time.sleep(0.3)  # the line of a status comes once Lambda has accepted it
    hit: dict[str, set[str]] = {}
    for line in logged("fault_injected"):
        names = hit.setdefault(line["request_id"], set())
        assert line["fault"] not in names, "injected twice"
        names.add(line["fault"])
    kinds: dict[str, int] = {}
    for number, item in enumerate(invoked.values()):
        names = hit.get(item.request_id, set())
        kinds[item.kind] = kinds.get(item.kind, 0) + 1
        assert (item.kind == "error") == ("exception" in names)
        if item.kind == "error":
            assert item.json["errorMessage"] == "m"
            continue
        prelude, nuls, body = item.content.partition(b"\0" * 8)
        fields = json.loads(prelude)
        text = body.decode() if nuls else fields["body"]
        assert fields["statusCode"] == (503 if "status" in names else 200)
        if "corruption" in names:
            assert text == "R"
        elif "status" not in names:
            assert json.loads(text) == {"number": number}
        assert (fields["headers"].get("x") == "y") == ("headers" in names)
    assert 50 < kinds["error"] < 300
    assert not api.doubled
    assert not api.refused


def test_runtimes_that_die_harm_no_other(api: RuntimeApi, proxied: Proxied) -> None:
    """Upstream connections change hands while their former users' ends are still being noticed."""
    address = proxied(api)
    over = threading.Event()
    problems: list[Exception] = []
    turns = [0] * 6

    def healthy(index: int) -> None:
        try:
            while not over.is_set():
                with Runtime(address) as runtime:
                    turns[index] += 1
                    assert runtime.ask(b"GET /2018-06-01/ping HTTP/1.1\r\n\r\n").status == 404
        except Exception as error:
            problems.append(error)

    def dying(index: int) -> None:
        pause = 0.0
        while not over.is_set():
            with Runtime(address) as runtime:
                runtime.wire.send(NEXT)
                time.sleep(pause := (pause + 0.0007) % 0.01)
                if index % 2:
                    runtime.wire.reset()

    def feeding() -> None:
        while not over.is_set():
            api.invoke()
            time.sleep(0.01)

    workers = [threading.Thread(target=healthy, args=(index,)) for index in range(6)]
    workers += [threading.Thread(target=dying, args=(index,)) for index in range(2)]
    workers.append(threading.Thread(target=feeding))
    for worker in workers:
        worker.start()
    time.sleep(3)
    turned = soon(lambda: all(count > 5 for count in turns))
    over.set()
    for worker in workers:
        worker.join(20)
    assert not problems
    assert turned
