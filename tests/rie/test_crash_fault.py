"""CRASH under the real emulator: real runtimes are killed, and the next invocation works."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import machine
from building import Unavailable
from faultlayer_cli.errors import Failure
from rie.languages import EACH, running
from rie.support import Function

SOURCES = Path(__file__).parent / "functions" / "doomed"
MEGABYTE = 1 << 20

Run = Callable[..., Function]


@pytest.fixture(params=EACH)
def doomed(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Start the function in each language; faults are given as `CRASH="before"` and so on."""
    with ExitStack() as stack:

        def start(*, storage: int | None = None, **faults: str) -> Function:
            named = {f"FAULTLAYER_{name}": text for name, text in faults.items()}
            more: dict[str, Any] = {"timeout": 20, "memory": 256, "storage": storage}
            try:
                return stack.enter_context(running(request.param, SOURCES, named, **more))
            except (Failure, Unavailable) as error:
                machine.lacks(f"{request.param}: {error}")

        yield start


def done(function: Function) -> list[str]:
    """The ids of the requests that the handler came to the end of."""
    marker = "HANDLER DONE "
    return [line.partition(marker)[2] for line in function.log.splitlines() if marker in line]


def crashed(function: Function, event: object = None) -> str:
    """Invoke, and find the runtime killed; the id of the request."""
    before = len(function.lines("fault_injected"))
    answer = json.loads(function.invoke(event).body)
    assert answer["errorType"] == "Runtime.ExitError"
    assert answer["errorMessage"].endswith("exited with error: signal: killed")
    lines = [line for line in function.lines("fault_injected")[before:] if line["fault"] == "crash"]
    assert len(lines) == 1
    return str(lines[0]["request_id"])


def works(function: Function, *, cold: bool = True) -> dict[str, Any]:
    """Invoke, and find that the function answers; what it told."""
    told: dict[str, Any] = json.loads(function.invoke({}).body)
    assert told["runs"] == 1 or not cold
    assert told["sleepers"] == 0
    return told


def test_before_it_sees_the_event(doomed: Run) -> None:
    function = doomed(CRASH="before", CRASH_MAX="1")
    crashed(function)
    assert function.ran() == []
    (line,) = function.lines()
    assert line["when"] == "before"
    works(function)
    assert works(function, cold=False)["runs"] == 2
    assert len(function.lines()) == 1


def test_in_mid_handler(doomed: Run) -> None:
    function = doomed(CRASH="during", CRASH_AFTER="300ms", CRASH_MAX="1")
    request_id = crashed(function, {"sleep": 15})
    assert function.ran() == [request_id]
    assert done(function) == []
    (line,) = function.lines()
    assert 300 <= line["after_ms"] < 5000
    works(function)
    assert len(function.lines()) == 1


def test_a_quick_handlers_answer_is_lost(doomed: Run) -> None:
    function = doomed(CRASH="during", CRASH_AFTER="15s", CRASH_MAX="1")
    request_id = crashed(function)
    assert function.ran() == done(function) == [request_id]
    works(function)


def test_its_children_are_gone_too(doomed: Run) -> None:
    function = doomed(CRASH="during", CRASH_AFTER="10s", CRASH_MAX="1")
    crashed(function, {"children": 3})
    assert "CHILDREN 3" in function.log
    works(function)


def test_whom_it_hits_and_how_often_though_each_time_the_environment_is_new(doomed: Run) -> None:
    function = doomed(CRASH="before", CRASH_MATCH="order=7", CRASH_MAX="2")
    works(function)
    hit = [crashed(function, {"order": 7}), crashed(function, {"order": 7})]
    assert len(set(hit)) == 2
    assert json.loads(function.invoke({"order": 7}).body)["runs"] == 1
    assert works(function, cold=False)["runs"] == 2
    assert not set(hit) & set(function.ran())
    assert [line["request_id"] for line in function.lines()] == hit


def test_together_with_others_of_which_nothing_is_left(doomed: Run) -> None:
    function = doomed(
        storage=64,
        LATENCY="100ms",
        DISK="32MB",
        MEMORY="16MB",
        CPU="1",
        DUPLICATE="3",
        HEADERS='{"a":"b"}',
        CRASH="during",
        CRASH_AFTER="10s",
        MATCH="order",
    )
    whole = works(function)["free"]
    request_id = crashed(function, {"order": 7})
    assert function.ran().count(request_id) == 1
    hit = [line["fault"] for line in function.lines("fault_injected")]
    assert hit == ["latency", "disk", "memory", "cpu", "crash"]
    assert abs(works(function)["free"] - whole) < MEGABYTE
    assert works(function, cold=False)["runs"] == 2
    assert len(function.lines()) == 5


def test_where_another_address_was_told_the_runtime_it_works_untouched(
    doomed: Run,
) -> None:
    function = doomed(CRASH="before", NEXT_WRAPPER="/var/task/hides")
    for number in (1, 2, 3):
        assert works(function, cold=False)["runs"] == number
    (line,) = function.lines()
    assert (line["event"], line["fault"]) == ("fault_not_applied", "crash")
    assert "no process was found" in line["message"]
