"""Lambda Managed Instances: one environment, many invocations at once, real worker processes."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
from instance import SEED, Managed, Result, drawn, invoke_all, token

import machine
from faultlayer_cli.errors import Failure
from faultlayer_cli.layers import checkout
from faultlayer_cli.running import downloads, namespaces

WORKERS = 16
CALLERS = 12
IDS = [str(uuid.UUID(int=number)) for number in range(3000)]


class Run(Protocol):
    def __call__(self, *, layer: Path | None = None, **variables: str) -> Managed: ...


def refusal() -> str:
    """Why this mode cannot run here: the emulator gives layer and runtime a user of their own."""
    ranges = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    users = sum(int(count) for _, _, count in ranges)
    if os.geteuid() != 0 or users < 1000:
        return "the emulator's Managed Instances mode needs root, and not a user namespace's"
    try:
        namespaces.unshare_command()
    except Failure as refused:
        return str(refused)
    return ""


@pytest.fixture(scope="module", autouse=True)
def allowed() -> None:
    """Skip where this mode cannot run; on CI that is a failure."""
    reason = refusal()
    if reason:
        machine.lacks(reason)


@pytest.fixture
def run() -> Iterator[Run]:
    """Start the function with these variables; everything is stopped at the end of the test."""
    with ExitStack() as stack:

        def start(*, layer: Path | None = None, **variables: str) -> Managed:
            return stack.enter_context(Managed(WORKERS, layer=layer, **variables))

        yield start


def spread(ids: list[str]) -> list[list[str]]:
    """The ids dealt out to the callers."""
    return [ids[number::CALLERS] for number in range(CALLERS)]


def right(result: Result) -> None:
    """The function's own answer to this very invocation."""
    assert result.answer["statusCode"] == 200
    assert result.told["token"] == token(result.request_id)
    assert result.told["request_id"] == result.request_id


def test_untouched_the_workers_keep_lambdas_own_address(run: Run) -> None:
    function = run(FAULTLAYER_LATENCY="1s", FAULTLAYER_DISABLED="true")
    results = invoke_all(function, spread(IDS[:120]))
    assert len(results) == 120
    for result in results:
        right(result)
        assert result.told["api"] == function.lambdas_address()
    assert not function.lines()


INVOKE_TOO = """#!/var/lang/bin/python3
# Registers for INVOKE, which a Managed Instance refuses, and then as it should.
import http.client, json, os, sys

def ask(method, path, body=None, **headers):
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    api.request(method, "/2020-01-01/extension/" + path, body, headers)
    return api.getresponse()

for events in (["INVOKE", "SHUTDOWN"], ["SHUTDOWN"]):
    name = {"Lambda-Extension-Name": os.path.basename(sys.argv[0])}
    answer = ask("POST", "register", json.dumps({"events": events}), **name)
    print("REGISTERED", *events, answer.status, flush=True)
identity = {"Lambda-Extension-Identifier": answer.getheader("Lambda-Extension-Identifier")}
ask("GET", "event/next", **identity).read()
"""


def test_armed_it_registers_for_shutdown_alone_and_is_accepted(run: Run, tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    shutil.copytree(checkout.layer(downloads.architecture()), layer)
    other = layer / "extensions" / "other"
    other.write_text(INVOKE_TOO)
    other.chmod(0o755)
    function = run(layer=layer, FAULTLAYER_LATENCY="1ms")
    results = invoke_all(function, spread(IDS[:240]))
    for result in results:
        right(result)
        assert result.told["api"] not in (None, function.lambdas_address())
    assert len({result.told["pid"] for result in results}) > 1
    hit = [line["request_id"] for line in function.lines("fault_injected")]
    assert sorted(hit) == IDS[:240]
    assert len(function.lines()) == 240
    assert "REGISTERED SHUTDOWN 200" in function.log
    assert "REGISTERED INVOKE SHUTDOWN 200" not in function.log, "nothing is proven by this"
    published = function.tmp / ".faultlayer"
    assert published.exists()
    function.stop()
    assert not published.exists()


def test_one_delayed_by_two_seconds_delays_no_other(run: Run) -> None:
    rate = 0.02
    function = run(FAULTLAYER_LATENCY="2s", FAULTLAYER_RATE=str(rate), FAULTLAYER_SEED=SEED)
    slow = next(request_id for request_id in IDS if drawn("latency", request_id) < rate)
    quick = [request_id for request_id in IDS if drawn("latency", request_id) >= rate]
    invoke_all(function, spread(quick[:60]))  # until the workers have started
    results = invoke_all(function, [[slow], *spread(quick[60:180])])
    for result in results:
        right(result)
    delayed = next(result for result in results if result.request_id == slow)
    assert delayed.ended - delayed.begun >= 2
    others = [result for result in results if result.request_id != slow]
    assert len(others) == 120
    assert max(result.ended - result.begun for result in others) < 1.5
    assert sum(result.ended < delayed.ended for result in others) > 40
    assert [line["request_id"] for line in function.lines("fault_injected")] == [slow]


RATES = {"latency": 0.3, "status": 0.2, "headers": 0.5}
FAULTS = {
    "FAULTLAYER_SEED": SEED,
    "FAULTLAYER_LATENCY": "1ms..15ms",
    "FAULTLAYER_STATUS": "503",
    "FAULTLAYER_HEADERS": '{"x-fault":"on"}',
    **{f"FAULTLAYER_{fault.upper()}_RATE": str(rate) for fault, rate in RATES.items()},
}


def expected(fault: str) -> set[str]:
    return {request_id for request_id in IDS if drawn(fault, request_id) < RATES[fault]}


def test_nothing_is_lost_or_mixed_up_over_thousands(run: Run) -> None:
    function = run(**FAULTS)
    results = invoke_all(function, spread(IDS))
    assert sorted(result.request_id for result in results) == IDS
    for result in results:
        if result.answer["statusCode"] == 200:
            right(result)
    got = {
        "status": {r.request_id for r in results if r.answer["statusCode"] == 503},
        "headers": {r.request_id for r in results if "x-fault" in r.answer["headers"]},
    }
    lines = function.lines("fault_injected", least=sum(len(expected(fault)) for fault in RATES))
    logged = [(line["fault"], line["request_id"]) for line in lines]
    assert len(logged) == len(set(logged)) == len(function.lines())
    for fault in RATES:
        assert {request_id for name, request_id in logged if name == fault} == expected(fault)
        assert got.get(fault, expected(fault)) == expected(fault)
    reached = sorted(set(IDS) - expected("status"))
    assert sorted(function.ran(least=len(reached))) == reached
    pids = {result.told["pid"] for result in results if result.answer["statusCode"] == 200}
    assert 1 < len(pids) <= WORKERS


def test_an_event_given_again_among_many_is_answered_once_and_by_its_last_delivery(
    run: Run,
) -> None:
    rate, ids = 0.4, IDS[:600]
    function = run(
        FAULTLAYER_DUPLICATE="3", FAULTLAYER_DUPLICATE_RATE=str(rate), FAULTLAYER_SEED=SEED
    )
    results = invoke_all(function, spread(ids))
    assert sorted(result.request_id for result in results) == ids
    for result in results:
        right(result)
    expected = [name for name in ids if drawn("duplicate", name) < rate]
    lines = function.lines("fault_injected", least=len(expected))
    assert sorted(line["request_id"] for line in lines) == expected
    assert not function.lines("deliveries_cut_short")
    ran = sorted(ids + expected * 2)
    assert sorted(function.ran(least=len(ran))) == ran
