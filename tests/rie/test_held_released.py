"""What faults hold is given back whatever ends the invocation, under the real emulator."""

from __future__ import annotations

import contextlib
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from faultlayer_cli.errors import Failure
from rie.held import MB, STORAGE, Held, Run, soon

ALL = {"FAULTLAYER_DISK": "free:10MB", "FAULTLAYER_MEMORY": "50MB", "FAULTLAYER_CPU": "2"}
PAGES = 64 << 10
BURDENS = 3  # one that holds memory, two that are busy


def untouched(function: Held) -> None:
    """As if nothing had ever been held; a next invocation works."""
    assert soon(lambda: not function.burdens())
    told = function.ask()
    assert (told["burdens"], abs(told["free"] - STORAGE * MB) <= PAGES) == (0, True)
    assert told["score"] < 1000


def while_held(function: Held, event: dict[str, Any]) -> tuple[threading.Thread, list[Any]]:
    """Begin an invocation that sleeps, and wait until all is held."""
    answers: list[Any] = []

    def invoke() -> None:
        with contextlib.suppress(Failure):  # the emulator itself may go
            answers.append(function.invoke(event))

    thread = threading.Thread(target=invoke)
    thread.start()
    assert soon(lambda: len(function.lines("fault_injected")) == len(ALL), 40)
    assert len(function.burdens()) == BURDENS
    assert abs(function.free() - 10 * MB) <= PAGES
    return thread, answers


def test_the_answer(held: Run) -> None:
    function = held(**ALL)
    told = function.ask(hit=1)
    assert (told["burdens"], told["score"]) == (BURDENS, 1000)
    assert abs(told["free"] - 10 * MB) <= PAGES
    untouched(function)
    assert function.ask()["pid"] == told["pid"]
    assert set(function.injected()) == {"disk", "memory", "cpu"}


def test_the_layer_s_own_process_stays_small(held: Run) -> None:
    function = held(**ALL)
    for _ in range(5):
        function.ask(hit=1)
    status = Path(f"/proc/{function.extension()}/status").read_text()
    assert int(status.split("VmHWM:")[1].split()[0]) < 12 << 10, "KiB, at its peak"


@pytest.mark.parametrize(
    ("event", "error"),
    [({"raise": 1}, "of its own"), ({"exit": 3}, "exit status 3")],
    ids=["raises", "exits"],
)
def test_an_error_of_the_handler_s_own(held: Run, event: dict[str, int], error: str) -> None:
    function = held(**ALL)
    answer = json.loads(function.invoke({"hit": 1, **event}).body)
    assert error in answer["errorMessage"]
    assert set(function.injected()) == {"disk", "memory", "cpu"}
    untouched(function)


def test_a_timeout(held: Run) -> None:
    function = held(timeout=4, **ALL)
    assert b"timed out" in function.invoke({"hit": 1, "sleep": 60}).body
    assert set(function.injected()) == {"disk", "memory", "cpu"}
    untouched(function)


def test_the_layer_s_own_process_is_killed(held: Run) -> None:
    """The emulator ends the environment, as Lambda does where an extension exits."""
    function = held(timeout=60, **ALL)
    function.ask()
    thread, answers = while_held(function, {"hit": 1, "sleep": 40})
    function.kill_extension()
    assert soon(lambda: not function.burdens())
    assert soon(lambda: abs(function.free() - STORAGE * MB) <= PAGES)
    thread.join()
    assert answers
    untouched(function)


def test_the_environment_is_shut_down(held: Run) -> None:
    function = held(timeout=60, **ALL)
    function.ask()
    thread, _ = while_held(function, {"hit": 1, "sleep": 40})
    pids = function.processes()
    function.emulator.stop()
    thread.join()
    assert soon(lambda: not function.alive(pids))
