"""Aimed faults on a real function under the real emulator: what was meant is hit, and no more."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from faultlayer.values import Instant
from rie.conftest import PROBE
from rie.support import told


def http(method: str, **headers: str) -> dict[str, Any]:
    """An event as an HTTP API sends it."""
    return {
        "version": "2.0",
        "rawPath": "/orders/7",
        "headers": headers,
        "requestContext": {"http": {"method": method, "path": "/orders/7"}},
        "isBase64Encoded": False,
    }


def statuses(function: Any, *events: Any) -> list[int]:
    return [json.loads(function.invoke(event).body)["statusCode"] for event in events]


EVENTS = [http("GET"), http("GET", **{"X-Chaos": "on"}), http("POST", **{"x-chaos": "on"}), {}]


@pytest.mark.parametrize(
    "match",
    [
        "requestContext.http.method=GET,headers.x-chaos",
        '{"requestContext.http.method":{"in":["GET","HEAD"]},"headers.X-CHAOS":"on"}',
        '{"rawPath":{"regex":"^/orders/[0-9]+$"},"headers.x-chaos":{"exists":true},'
        '"requestContext.http.method":{"prefix":"G"}}',
    ],
)
def test_a_match_hits_its_events_alone(run, match):
    function = run(FAULTLAYER_STATUS="503", FAULTLAYER_STATUS_MATCH=match)
    assert statuses(function, *EVENTS) == [200, 503, 200, 200]
    assert len(function.ran()) == 3
    assert len(function.lines("fault_injected")) == 1


def test_the_common_match_is_for_every_fault(run):
    function = run(
        FAULTLAYER_MATCH="headers.x-chaos",
        FAULTLAYER_LATENCY="1ms",
        FAULTLAYER_HEADERS='{"x-fault":"on"}',
    )
    answers = [json.loads(function.invoke(event).body) for event in EVENTS]
    assert ["x-fault" in answer["headers"] for answer in answers] == [False, True, True, False]
    faults = [line["fault"] for line in function.lines("fault_injected")]
    assert faults == ["latency", "headers"] * 2


def test_a_plan_with_two_latency_rules(run):
    plan = {
        "faults": [
            {"fault": "latency", "delay": "3ms", "match": {"requestContext.http.method": "GET"}},
            {"fault": "latency", "delay": "5ms", "match": {"headers.x-chaos": {"exists": True}}},
        ]
    }
    function = run(FAULTLAYER_PLAN=json.dumps(plan))
    for event in EVENTS:
        told(function.invoke(event))
    delays = [line["delay_ms"] for line in function.lines("fault_injected")]
    assert delays == [3, 3, 5, 5]


def test_a_plan_in_the_functions_folder_and_a_variable_add_up(run):
    function = run(FAULTLAYER_PLAN=f"file:{PROBE}/plan.json", FAULTLAYER_LATENCY="5ms")
    function.invoke()
    assert [line["delay_ms"] for line in function.lines("fault_injected")] == [5, 3]


def test_a_6_mb_event_that_is_looked_at_arrives_whole(run):
    function = run(FAULTLAYER_LATENCY="1ms", FAULTLAYER_MATCH="last=yes")
    seen = told(function.invoke({"filler": "y" * 6_000_000, "last": "yes"}))
    assert seen["event_size"] > 6_000_000
    assert len(function.lines("fault_injected")) == 1


def test_the_window_ends_while_the_function_runs(run):
    end = Instant().show(round(time.time()) + 8)
    function = run(FAULTLAYER_STATUS="503", FAULTLAYER_END=end)
    assert statuses(function, {}) == [503]
    while time.time() < Instant().parse(end):
        time.sleep(0.1)
    assert statuses(function, {}) == [200]
    assert len(function.lines("fault_injected")) == 1


@pytest.mark.parametrize(
    "variables",
    [
        {"FAULTLAYER_END": "2020-01-01T00:00:00Z"},
        {"FAULTLAYER_START": "2031-01-01T00:00:00"},
        {"FAULTLAYER_MATCH": "a..b"},
        {"FAULTLAYER_PLAN": '{"faults":['},
        {"FAULTLAYER_PLAN": "appconfig:shop/chaos"},
    ],
    ids=str,
)
def test_nothing_can_be_hit_and_the_runtime_is_untouched(run, variables):
    function = run(FAULTLAYER_STATUS="503", **variables)
    assert told(function.invoke())["api"] == function.lambdas_address
    problems = [line["variable"] for line in function.lines("config_error")]
    assert problems == [name for name in variables if "2020" not in variables[name]]
