"""MEMORY in a container with a real memory limit: who is really killed, and who survives it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from images.engine import Function

PROBE = Path(__file__).parents[1] / "rie" / "functions" / "probe" / "sandbox.py"
LIMIT = 200  # MB of the container
MB = 1 << 20
Run = Callable[..., Function]


@pytest.fixture(scope="module")
def hungry(build: Callable[..., str], recipe: str) -> str:
    """The example's image, with a function that takes as much memory as it is told."""
    return build("hungry", recipe, **{"app.py": (0o644, PROBE.read_bytes())})


@pytest.fixture
def limited(run: Run, hungry: str) -> Callable[..., Function]:
    """The function with this much memory, and no more than that by swapping."""

    def start(**variables: str) -> Function:
        options = {"mem_limit": f"{LIMIT}m", "memswap_limit": f"{LIMIT}m"}
        given = {"FAULTLAYER_MATCH": "hit", "AWS_LAMBDA_FUNCTION_TIMEOUT": "30"}
        function = run(hungry, options, **given, **variables)
        assert told(function)["burdens"] == 0
        return function

    return start


def told(function: Function, **event: Any) -> dict[str, Any]:
    """What the function says of itself, or the error that its caller gets."""
    said: dict[str, Any] = json.loads(function.invoke(event).body)
    return said


def soon(condition: Callable[[], object], within: float = 20.0) -> bool:
    until = time.monotonic() + within
    while not (found := condition()) and time.monotonic() < until:
        time.sleep(0.05)
    return bool(found)


def processes(function: Function) -> list[str]:
    found = function.container.top(ps_args="-eo pid,args")["Processes"]
    return [" ".join(process[1:]) for process in found]


def burdens(function: Function) -> list[str]:
    return [line for line in processes(function) if "faultlayer.environment.load_process" in line]


def test_a_function_near_its_limit_is_really_killed_and_the_layer_goes_on(
    limited: Callable[..., Function],
) -> None:
    function = limited(FAULTLAYER_MEMORY="free:30MB")
    assert told(function, take=40)["pid"], "it fits when nothing is held"
    error = told(function, hit=1, take=60)
    assert error.get("errorType") == "Runtime.ExitError", function.log
    assert "signal: killed" in error["errorMessage"]
    (line,) = function.lines("fault_injected")
    assert line["fault"] == "memory"
    assert 30 * MB < line["held"] < (LIMIT - 30) * MB
    assert not function.lines("internal_error")
    assert soon(lambda: not burdens(function))
    assert told(function, take=40)["burdens"] == 0, "a cold start that works"


def test_within_what_is_left_it_lives_and_sees_the_memory_back_afterwards(
    limited: Callable[..., Function],
) -> None:
    function = limited(FAULTLAYER_MEMORY="free:60MB")
    for _ in range(2):
        hit = told(function, hit=1, take=10)
        assert (hit["burdens"], hit["score"]) == (1, 1000)
        after = told(function)
        assert (after["burdens"], after["pid"]) == (0, hit["pid"])
        assert after["score"] < 1000
    first, second = function.lines("fault_injected")
    # What is free is what the limit leaves, as the kernel counts it.
    assert 0 < first["held"] < (LIMIT - 60) * MB
    assert second["held"] <= first["held"] - 5 * MB, "the function has kept ten since"


def test_more_than_there_is_ends_the_function_and_not_the_layer(
    limited: Callable[..., Function],
) -> None:
    function = limited(FAULTLAYER_MEMORY=f"{LIMIT * 2}MB")
    error = told(function, hit=1)
    assert error.get("errorType") == "Runtime.ExitError", function.log
    assert soon(lambda: not burdens(function))
    assert told(function)["burdens"] == 0, "a cold start that works"
    assert not function.lines("internal_error")
