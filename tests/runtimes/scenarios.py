"""The scenarios of the matrix, in its order: each starts an example and asserts what a caller sees.

They know of no language: all examples speak the protocol of docs/runtimes.md.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any, Protocol

from rie.support import Function, told
from runtimes.languages import Language

ARMED = {"FAULTLAYER_LATENCY": "1ms"}  # in the path, and as good as not noticed
SIZE = 6_000_000


class Example(Protocol):
    language: Language

    def start(self, **variables: str) -> Function: ...


SCENARIOS: dict[str, Callable[[Example], None]] = {}


def scenario(title: str) -> Callable[[Callable[[Example], None]], Callable[[Example], None]]:
    def add(function: Callable[[Example], None]) -> Callable[[Example], None]:
        SCENARIOS[title] = function
        return function

    return add


def faults(function: Function) -> list[str]:
    """The faults that the layer says it injected."""
    return [line["fault"] for line in function.lines("fault_injected")]


def proxied(seen: dict[str, Any], function: Function) -> bool:
    """Whether the runtime talks to the proxy, and not to Lambda itself."""
    return bool(seen["api"] != function.lambdas_address)


@scenario("untouched")
def untouched(example: Example) -> None:
    function = example.start()
    request_id = str(uuid.uuid4())
    seen = told(function.invoke({}, request_id))
    assert seen == {
        "runtime": example.language.name,
        "runs": 1,
        "api": function.lambdas_address,
        "request_id": request_id,
        "filler": 0,
    }
    assert told(function.invoke())["runs"] == 2
    assert not function.lines()


@scenario("nothing due")
def nothing_due(example: Example) -> None:
    function = example.start(FAULTLAYER_STATUS="503", FAULTLAYER_STATUS_RATE="0.000001")
    for runs in (1, 2, 3):
        request_id = str(uuid.uuid4())
        seen = told(function.invoke({}, request_id))
        assert proxied(seen, function)
        assert (seen["runs"], seen["request_id"]) == (runs, request_id)
    assert not function.lines()


@scenario("latency")
def latency(example: Example) -> None:
    function = example.start(FAULTLAYER_LATENCY="300ms")
    function.invoke()  # the cold start
    request_id = str(uuid.uuid4())
    answer = function.invoke({}, request_id)
    assert 0.3 <= answer.seconds < 3
    assert told(answer)["runs"] == 2
    line = function.lines("fault_injected")[-1]
    assert (line["fault"], line["delay_ms"]) == ("latency", 300)
    assert line["request_id"] == request_id


@scenario("status before")
def status_before(example: Example) -> None:
    function = example.start(FAULTLAYER_STATUS="503", FAULTLAYER_STATUS_MAX="3")
    for _ in range(3):
        assert function.invoke().json()["statusCode"] == 503
    assert function.ran() == []
    assert told(function.invoke())["runs"] == 1
    assert faults(function) == ["status"] * 3


@scenario("status after")
def status_after(example: Example) -> None:
    function = example.start(
        FAULTLAYER_STATUS="429", FAULTLAYER_STATUS_WHEN="after", FAULTLAYER_STATUS_MAX="2"
    )
    for _ in range(2):
        assert function.invoke().json()["statusCode"] == 429
    assert len(function.ran()) == 2
    assert told(function.invoke())["runs"] == 3
    assert faults(function) == ["status"] * 2


@scenario("exception before")
def exception_before(example: Example) -> None:
    function = example.start(
        FAULTLAYER_EXCEPTION="ValueError: it broke", FAULTLAYER_EXCEPTION_MAX="3"
    )
    for _ in range(3):
        error = function.invoke().json()
        assert (error["errorType"], error["errorMessage"]) == ("ValueError", "it broke")
    assert function.ran() == []
    assert told(function.invoke())["runs"] == 1
    assert faults(function) == ["exception"] * 3


@scenario("exception after")
def exception_after(example: Example) -> None:
    function = example.start(
        FAULTLAYER_EXCEPTION="ValueError: it broke",
        FAULTLAYER_EXCEPTION_WHEN="after",
        FAULTLAYER_EXCEPTION_MAX="2",
    )
    for _ in range(2):
        error = function.invoke().json()
        assert (error["errorType"], error["errorMessage"]) == ("ValueError", "it broke")
    assert len(function.ran()) == 2
    assert told(function.invoke())["runs"] == 3
    assert faults(function) == ["exception"] * 2


@scenario("corruption")
def corruption(example: Example) -> None:
    for mode in ("truncate", "garble", "replace"):
        function = example.start(FAULTLAYER_CORRUPTION=mode, FAULTLAYER_CORRUPTION_MAX="1")
        answer = function.invoke().json()
        assert answer["statusCode"] == 200
        assert answer["headers"] == {"content-type": "application/json"}
        try:
            json.loads(answer["body"])
            readable = True
        except ValueError:
            readable = False
        assert readable is (mode == "replace")
        assert told(function.invoke())["runs"] == 2
        assert faults(function) == ["corruption"]
        function.emulator.stop()


@scenario("6 MB both ways")
def six_megabytes(example: Example) -> None:
    function = example.start(**ARMED)
    seen = told(function.invoke({"filler": "y" * SIZE}))
    assert proxied(seen, function)
    assert seen["filler"] == SIZE
    assert function.invoke({"size": SIZE}).json() == "x" * SIZE
    assert told(function.invoke())["runs"] == 3
    assert faults(function) == ["latency"] * 3


@scenario("handler error")
def handler_error(example: Example) -> None:
    function = example.start(**ARMED, FAULTLAYER_CORRUPTION="truncate")
    error = function.invoke({"raise": "42"}).json()
    assert error["errorMessage"] == "no such order: 42"
    assert error["errorType"].endswith("OrderError")
    assert len(function.ran()) == 1
    assert function.invoke().json()["statusCode"] == 200
    assert faults(function) == ["latency", "latency", "corruption"]


@scenario("init error")
def init_error(example: Example) -> None:
    function = example.start(**ARMED, FAIL_AT_START="no table name")
    answer = function.invoke()
    assert "no table name" in function.log
    if example.language.reports_init_errors:
        assert "no table name" in answer.json()["errorMessage"]
    else:  # these clients have no call for it: the process ends, for which the emulator says 502
        assert (answer.status, answer.body) == (502, b"")
        assert "Runtime exited with error" in function.log
    assert function.ran() == []
    assert faults(function) == []


@scenario("crash")
def crash(example: Example) -> None:
    function = example.start(**ARMED)
    assert told(function.invoke())["runs"] == 1
    error = function.invoke({"exit": 3}).json()
    assert error["errorType"] == "Runtime.ExitError"
    for runs in (1, 2):
        seen = told(function.invoke())
        assert proxied(seen, function)
        assert seen["runs"] == runs
    assert faults(function) == ["latency"] * 4
