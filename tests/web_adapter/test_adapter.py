"""The real Lambda Web Adapter asks through us: always served, and hit by every kind of fault."""

from __future__ import annotations

import json
from typing import Any

import pytest

from web_adapter.adapter import VARIABLE, request
from web_adapter.conftest import Site, seen

ONCE = {"FAULTLAYER_LATENCY": "10ms", "FAULTLAYER_LATENCY_MAX": "1"}
SPELLINGS = ("127.0.0.1:{port}", "localhost:{port}", "127.1:{port}")


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"FAULTLAYER_LATENCY": "3s", "FAULTLAYER_DISABLED": "true"},
        {"FAULTLAYER_ENV": '{"TABLE":"wrong"}'},
        {"FAULTLAYER_LATENCY": "3s", "FAULTLAYER_END": "2020-01-01T00:00:00Z"},
        {"FAULTLAYER_LATENCY": "soon"},
    ],
    ids=["nothing configured", "kill switch", "ENV alone", "over", "a mistake"],
)
def test_an_idle_layer_leaves_it_working(site: Site, variables: dict[str, str]) -> None:
    function = site.start(**variables)
    for path in ("/first", "/second"):
        answer = function.invoke(request(path))
        assert seen(answer)["path"] == path
        assert answer.seconds < 2.5
    wrong = "FAULTLAYER_ENV" in variables and site.form == "layer"
    assert seen(answer)["table"] == ("wrong" if wrong else "")


def test_a_limit_that_is_used_up_leaves_it_working(site: Site) -> None:
    """Also in the next environment, where the count was kept and nothing is left to inject."""
    function = site.start(FAULTLAYER_INIT="300ms", FAULTLAYER_INIT_MAX="1", **ONCE)
    assert seen(function.invoke(request()))["path"] == "/hello"
    function.emulator.restart()  # in the same /tmp
    for _ in range(2):
        assert seen(function.invoke(request()))["path"] == "/hello"
    assert [line["fault"] for line in function.lines("fault_injected")] == ["init", "latency"]


@pytest.mark.parametrize("told", SPELLINGS)
def test_any_spelling_of_our_address(site: Site, told: str) -> None:
    function = site.start(told=told, **ONCE)
    for _ in range(2):
        assert seen(function.invoke(request()))["path"] == "/hello"
    assert len(function.lines("fault_injected")) == 1


def test_each_kind_of_fault(site: Site) -> None:
    """One after the other: each hits the path of its name."""

    def at(path: str) -> dict[str, Any]:
        return {"match": {"rawPath": path}}

    plan = [
        {"fault": "latency", "delay": "400ms", **at("/latency")},
        {"fault": "latency", "delay": "400ms", "when": "after", **at("/late")},
        {"fault": "status", "code": 503, **at("/status")},
        {"fault": "status", "code": 502, "when": "after", **at("/status-after")},
        {"fault": "exception", "message": "OrderError: no such order", **at("/exception")},
        {"fault": "corruption", "mode": "truncate", **at("/corruption")},
        {"fault": "headers", "headers": {"x-fault": "on"}, **at("/headers")},
        {"fault": "event", "changes": {"headers.x-seen": "damaged"}, **at("/event")},
        {"fault": "duplicate", "times": 2, **at("/duplicate")},
        {"fault": "timeout", "margin": "4s", **at("/timeout")},
    ]
    function = site.start(FAULTLAYER_PLAN=json.dumps({"faults": plan}))
    assert seen(function.invoke(request("/none")))["header"] == ""
    for path in ("/latency", "/late", "/timeout"):
        answer = function.invoke(request(path))
        assert seen(answer)["path"] == path
        assert answer.seconds >= 0.4
    assert json.loads(function.invoke(request("/status")).body)["statusCode"] == 503
    assert json.loads(function.invoke(request("/status-after")).body)["statusCode"] == 502
    error = json.loads(function.invoke(request("/exception")).body)
    assert (error["errorType"], error["errorMessage"]) == ("OrderError", "no such order")
    cut = json.loads(function.invoke(request("/corruption")).body)["body"]
    with pytest.raises(ValueError, match="."):
        json.loads(cut)
    assert json.loads(function.invoke(request("/headers")).body)["headers"]["x-fault"] == "on"
    assert seen(function.invoke(request("/event")))["header"] == "damaged"
    assert seen(function.invoke(request("/duplicate")))["path"] == "/duplicate"
    injected = [line["fault"] for line in function.lines("fault_injected")]
    assert injected == [
        *("latency", "latency", "timeout", "status", "status", "exception"),
        *("corruption", "headers", "event", "duplicate"),
    ]
    assert not function.lines("not_redirected")


def test_crash_ends_the_web_application(site: Site) -> None:
    function = site.start(FAULTLAYER_CRASH="before", FAULTLAYER_CRASH_MAX="1")
    assert json.loads(function.invoke(request()).body)["errorType"] == "Runtime.ExitError"
    (line,) = function.lines()
    assert (line["event"], line["fault"]) == ("fault_injected", "crash")
    assert seen(function.invoke(request()))["path"] == "/hello"
    assert "lambda-adapter" in function.log


def test_a_start_that_fails(site: Site) -> None:
    function = site.start(FAULTLAYER_INIT="error", FAULTLAYER_INIT_MAX="1")
    assert b"errorType" in function.invoke(request()).body
    assert [line["fault"] for line in function.lines("fault_injected")] == ["init"]
    assert seen(function.invoke(request()))["path"] == "/hello"


def test_without_the_variable_one_line_says_why_no_fault_reaches_it(site: Site) -> None:
    function = site.start(told=None, FAULTLAYER_STATUS="503")
    assert seen(function.invoke(request()))["path"] == "/hello"
    (line,) = function.lines()
    assert (line["event"], line["variable"]) == ("not_redirected", VARIABLE)
    assert "the Lambda Web Adapter (/opt/extensions/lambda-adapter) asks Lambda" in line["message"]
    assert f"127.0.0.1:{site.port}" in line["message"]


def test_each_cold_start(site: Site) -> None:
    """Lambda starts both at once, and the adapter asks before Python is there."""
    function = site.start()
    for _ in range(8):
        assert seen(function.invoke(request()))["path"] == "/hello"
        function.emulator.restart()
