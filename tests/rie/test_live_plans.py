"""Plans under the real emulator: in the function's folder, and live ones between invocations."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import pytest

from fakes import agents
from fakes.agents import AppConfigAgent, SsmAgent

ARMED = {"faults": [{"fault": "status", "code": 503, "when": "after"}]}
POLL = 0.5


def status(function):
    return json.loads(function.emulator.invoke(b"{}").body)["statusCode"]


def until(function, code, within):
    """Invoke until the status is this; when the last other one was answered, and all statuses."""
    began = last = time.monotonic()
    seen = []
    while time.monotonic() < began + within:
        seen.append(status(function))
        if seen[-1] != code:
            last = time.monotonic()
        elif time.monotonic() > last + 2 * POLL:
            break
    assert seen[-1] == code
    return last - began, seen


def plan_events(function):
    return [line["event"] for line in function.lines() if line["event"].startswith("plan_")]


@pytest.fixture
def folder():
    """One that the function is shown."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def test_one_in_the_functions_folder_and_a_variable_add_up(run):
    function = run(FAULTLAYER_PLAN="file:/var/task/plan.json", FAULTLAYER_LATENCY="5ms")
    function.invoke()
    assert [line["delay_ms"] for line in function.lines("fault_injected")] == [5, 3]


def test_a_file_is_armed_disarmed_and_armed_again(run, folder):
    path = folder / "plan.json"
    path.write_text("{}")
    function = run(
        shown={"/var/plans": folder},
        FAULTLAYER_PLAN="file:/var/plans/plan.json",
        FAULTLAYER_POLL="500ms",
    )
    assert status(function) == 200
    for document, code in ((ARMED, 503), ({}, 200), (ARMED, 503)):
        path.write_text(json.dumps(document))
        took, _ = until(function, code, 5)
        assert took < POLL + 1.0
    path.write_text('{"faults":')
    assert {status(function) for _ in range(50)} == {503}
    assert plan_events(function)[:3] == ["plan_loaded"] * 3


@pytest.mark.parametrize("kind", [SsmAgent, AppConfigAgent])
def test_from_disarm_to_the_last_injection_is_one_poll_and_no_invocation_is_lost(run, kind):
    """The agent is a stand-in on loopback; function, layer and emulator are real."""
    with kind() as agent:
        variables = {"FAULTLAYER_PLAN": agent.source, "FAULTLAYER_POLL": "500ms"}
        function = run(**agent.environ, **variables)
        counts = {200: 0, 503: 0}
        for document, code in ((ARMED, 503), ({}, 200), (ARMED, 503), ({}, 200)):
            agent.document = document
            took, seen = until(function, code, 5)
            assert took < POLL + 1.0
            for each in seen:
                counts[each] += 1
        agent.document = ARMED
        until(function, 503, 5)
        before = len(plan_events(function))
        agent.document, agent.trouble = {}, agents.says(agents.answered(500, b"no"))
        began = time.monotonic()
        while time.monotonic() < began + 4 * POLL:
            assert status(function) == 503
        agent.trouble = None
        until(function, 200, 5)
        assert plan_events(function)[before:] == ["plan_failed", "plan_loaded"]
        assert "unready" not in function.log
        assert not function.lines("config_error")
