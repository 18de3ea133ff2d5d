"""Another proxy before us, behind us, or both: faults work, and what no fault is due for passes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from hashlib import sha256

import pytest

from faultlayer.targeting.choose import draws
from faultlayer_cli.running.ports import free_port
from neighbours import NEVER, WRAPPER, Compose, Run
from rie.support import Function, told

SIZE = 6_000_000
Chain = Callable[..., Function]


@pytest.fixture(params=["before", "behind", "both"])
def place(request: pytest.FixtureRequest) -> str:
    """Where the other proxy stands: runtime, behind, faultlayer, before, Lambda."""
    where: str = request.param
    return where


@pytest.fixture
def chain(place: str, run: Run, compose: Compose) -> Chain:
    """Start the function with these faults and an independent forwarder at this place."""

    def start(*, timeout: int = 10, **variables: str) -> Function:
        extensions = []
        if place != "behind":
            port = str(free_port())
            variables["OTHER_PROXY_PORT"] = port
            variables["FAULTLAYER_RUNTIME_API"] = f"127.0.0.1:{port}"
            extensions.append("other-proxy")
        if place != "before":
            variables["OTHER_WRAPPER_IS_PROXY"] = "1"
            variables["FAULTLAYER_NEXT_WRAPPER"] = WRAPPER
        return run(layer=compose(*extensions), timeout=timeout, **variables)

    return start


def pass_on(function: Function, who: str) -> set[str]:
    """The addresses that the forwarder of this name passed connections on to."""
    marker = f"{who} PASSES ON TO "
    return {line.partition(marker)[2] for line in function.log.splitlines() if marker in line}


def test_untouched_6_mb_pass_both_ways_through_both(chain: Chain, place: str) -> None:
    function = chain(**NEVER)
    assert told(function.invoke({"filler": "y" * SIZE}))["event_size"] > SIZE
    assert json.loads(function.invoke({"size": SIZE}).body) == "x" * SIZE
    api = told(function.invoke())["api"]
    published = (function.emulator.tmp / ".faultlayer").read_text().split()[0]
    before, behind = pass_on(function, "BEFORE US"), pass_on(function, "BEHIND US")
    assert before == (set() if place == "behind" else {function.lambdas_address})
    assert behind == (set() if place == "before" else {published})
    assert (api == published) == (place == "before")
    assert function.lines() == []


def test_faults_before_the_function(chain: Chain) -> None:
    function = chain(
        FAULTLAYER_LATENCY="300ms",
        FAULTLAYER_STATUS="503",
        FAULTLAYER_STATUS_MAX="1",
        FAULTLAYER_EXCEPTION="ValueError: no such order",
        FAULTLAYER_EXCEPTION_MAX="1",
    )
    assert json.loads(function.invoke().body)["errorType"] == "ValueError"
    answer = function.invoke()
    assert json.loads(answer.body)["statusCode"] == 503
    assert answer.seconds >= 0.3
    answer = function.invoke()
    assert told(answer)["event_size"] == 2
    assert answer.seconds >= 0.3
    hit = [line["fault"] for line in function.lines("fault_injected")]
    assert hit == ["latency", "exception", "latency", "status", "latency"]


def test_faults_after_the_function(chain: Chain) -> None:
    function = chain(
        FAULTLAYER_LATENCY="300ms",
        FAULTLAYER_LATENCY_WHEN="after",
        FAULTLAYER_STATUS="429",
        FAULTLAYER_STATUS_WHEN="after",
        FAULTLAYER_STATUS_MAX="1",
        FAULTLAYER_HEADERS='{"x-fault":"on"}',
    )
    for status in (429, 200):
        answer = function.invoke()
        assert answer.seconds >= 0.3
        assert json.loads(answer.body)["statusCode"] == status
        assert json.loads(answer.body)["headers"]["x-fault"] == "on"


def test_a_runtime_is_killed_where_no_other_proxy_hides_it(chain: Chain, place: str) -> None:
    function = chain(
        FAULTLAYER_CRASH="during", FAULTLAYER_CRASH_AFTER="5s", FAULTLAYER_CRASH_MAX="1"
    )
    body = function.invoke().body
    if place == "before":
        assert json.loads(body)["errorType"] == "Runtime.ExitError"
        assert [line["event"] for line in function.lines()] == ["fault_injected"]
    else:
        assert json.loads(body)["statusCode"] == 200
        assert [line["event"] for line in function.lines()] == ["fault_not_applied"]
    pids = {told(function.invoke())["runtime_pid"] for _ in range(2)}
    assert len(pids) == 1
    assert len(function.lines()) == 1


def drawn(number: int) -> float:
    """What the seed draws for the request of this number."""
    return draws(sha256, b"7", "timeout", str(uuid.UUID(int=number)).encode())[0]


def test_a_timeout_and_a_crash_are_followed_by_the_next_invocation(chain: Chain) -> None:
    function = chain(timeout=3, FAULTLAYER_TIMEOUT="0", FAULTLAYER_RATE="50%", FAULTLAYER_SEED="7")
    hit = [str(uuid.UUID(int=number)) for number in range(40) if drawn(number) < 0.5]
    spared = [str(uuid.UUID(int=number)) for number in range(40) if drawn(number) >= 0.5]
    assert b"timed out after 3" in function.invoke({}, hit[0]).body
    first = told(function.invoke({}, spared[0]))
    assert b"exit status 3" in function.invoke({"exit": 3}, spared[1]).body
    second = told(function.invoke({}, spared[2]))
    assert second["request_id"] == spared[2]
    assert second["runtime_pid"] != first["runtime_pid"]
