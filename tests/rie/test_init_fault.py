"""INIT under the real emulator: starts that take longer, and starts that fail."""

from __future__ import annotations

import json
import re

import pytest

from rie.support import told

DEFAULT = {"errorMessage": "faultlayer failed the start", "errorType": "Runtime.InitError"}


def start_ms(function):
    """How long each start took, as the emulator reports it."""
    return [float(ms) for ms in re.findall(r"INIT REPORT\(durationMs: ([0-9.]+)\)", function.log)]


def test_a_slow_start_shows_in_its_duration_and_happens_once(run):
    function = run(FAULTLAYER_INIT="2s")
    assert told(function.invoke())["runs"] == 1
    assert told(function.invoke())["runs"] == 2
    assert len(start_ms(function)) == 1
    assert start_ms(function)[0] >= 2000
    (line,) = function.lines("fault_injected")
    assert (line["fault"], line["phase"], line["delay_ms"]) == ("init", "init", 2000)
    assert "request_id" not in line


def test_a_start_that_fails_is_told_to_the_caller_and_the_next_one_works(run):
    function = run(FAULTLAYER_INIT="error", FAULTLAYER_INIT_MAX="1")
    failed = function.invoke()
    assert json.loads(failed.body) == {**DEFAULT, "stackTrace": []}
    assert failed.seconds < 20, "no hang until a timeout"
    assert told(function.invoke())["runs"] == 1
    assert told(function.invoke())["runs"] == 2
    (line,) = function.lines("fault_injected")
    assert (line["fault"], line["phase"], line["function_error"]) == ("init", "init", True)
    assert "Traceback" not in function.log
    assert "LAMBDA_WARNING" not in function.log
    assert not function.lines("internal_error")
    assert not function.lines("answer_refused")


def test_without_a_limit_every_start_fails(run):
    function = run(
        FAULTLAYER_INIT="error", FAULTLAYER_INIT_MESSAGE="Runtime.ImportModuleError: No module"
    )
    for _ in range(3):
        error = json.loads(function.invoke().body)
        assert error["errorType"] == "Runtime.ImportModuleError"
        assert error["errorMessage"] == "No module"
    assert not function.ran()


def test_slow_and_then_failing(run):
    """Two rules of one plan."""
    slow = {"fault": "init", "how": "1s"}
    plan = {"faults": [slow, {"fault": "init", "how": "error", "max": 1}]}
    function = run(FAULTLAYER_PLAN=json.dumps(plan))
    assert json.loads(function.invoke().body)["errorType"] == "Runtime.InitError"
    assert start_ms(function)[0] >= 1000
    assert told(function.invoke())["runs"] == 1
    assert len(function.lines("fault_injected")) == 3, "slow, failed, slow"


def test_a_start_that_fails_by_itself_is_left_alone(run):
    untouched = run(handler="broken.handler").invoke()
    function = run(handler="broken.handler", FAULTLAYER_INIT="error")
    answer = function.invoke()
    assert answer.body == untouched.body
    assert json.loads(answer.body)["errorMessage"] == "no table name"
    assert not function.lines("fault_injected")


@pytest.mark.parametrize("fault", ["INIT", "LATENCY", "CRASH"])
def test_a_limit_holds_for_the_environment_whatever_restarts_it(run, fault):
    """/tmp stays when Lambda starts a runtime and its extensions anew, and so do the counts."""
    value = {"INIT": "1ms", "LATENCY": "1ms", "CRASH": "before"}[fault]
    function = run(**{f"FAULTLAYER_{fault}": value, f"FAULTLAYER_{fault}_MAX": "2"})
    for _ in range(4):
        function.invoke({"exit": 1})
    assert told(function.invoke())["runs"] == 1
    assert len(function.lines("fault_injected")) == 2
