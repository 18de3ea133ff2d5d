"""The three opening questions, put to a real function under the real emulator."""

from __future__ import annotations

import json
import time

import pytest

from rie.support import told

UNTOUCHED = [
    {},
    {"FAULTLAYER_LATENCY": "soon"},
]


@pytest.mark.parametrize("variables", UNTOUCHED, ids=["unset", "invalid"])
def test_with_nothing_to_inject_the_runtime_keeps_lambdas_own_address(run, variables):
    function = run(**variables)
    answer = function.invoke()
    assert told(answer)["api"] == function.lambdas_address
    assert not function.lines("fault_injected")


def test_armed_the_runtime_talks_to_the_proxy_and_nothing_of_ours_is_on_its_path(run):
    function = run(FAULTLAYER_LATENCY="1ms", FAULTLAYER_LATENCY_RATE="0.000001")
    seen = told(function.invoke())
    assert seen["api"] != function.lambdas_address
    assert not [entry for entry in seen["path"] if "/opt/faultlayer" in entry]


def test_latency_before_delays_the_event(run):
    function = run(FAULTLAYER_LATENCY="300ms")
    function.invoke()  # the cold start
    asked = time.time()
    answer = function.invoke()
    assert answer.seconds >= 0.3
    assert answer.seconds < 3
    assert told(answer)["started"] - asked >= 0.29
    line = function.lines("fault_injected")[-1]
    assert line["fault"] == "latency"
    assert line["delay_ms"] == 300
    assert line["request_id"] == told(answer)["request_id"]


def test_status_before_answers_in_the_functions_place(run):
    function = run(FAULTLAYER_STATUS="503", FAULTLAYER_STATUS_BODY="try later")
    for _ in range(3):
        answer = json.loads(function.invoke().body)
        assert answer["statusCode"] == 503
        assert answer["body"] == "try later"
    assert function.ran() == []
    assert len(function.lines("fault_injected")) == 3


def test_exception_before_is_a_function_error(run):
    function = run(FAULTLAYER_EXCEPTION="ValueError: no such order")
    answer = json.loads(function.invoke().body)
    assert answer["errorType"] == "ValueError"
    assert answer["errorMessage"] == "no such order"
    assert function.ran() == []


def test_many_exceptions_in_a_row_leave_the_runtime_waiting_and_well(run):
    function = run(FAULTLAYER_EXCEPTION="boom", FAULTLAYER_EXCEPTION_MAX="40")
    for _ in range(40):
        assert json.loads(function.invoke().body)["errorMessage"] == "boom"
    assert told(function.invoke())["runs"] == 1
