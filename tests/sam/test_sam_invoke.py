"""`sam build`, then `sam local invoke` of the template's functions: what is answered and logged."""

from __future__ import annotations

import json

import pytest

from sam.sam_cli import ROOT, durations, lines

HELLO = ROOT / "examples" / "hello" / "event.json"
ORDERS = ROOT / "examples" / "orders" / "event.json"

python = pytest.mark.parametrize("function", ["HelloPython"], indirect=True)
hello = pytest.mark.parametrize("function", ["HelloPython", "HelloNode"], indirect=True)
orders = pytest.mark.parametrize("function", ["OrdersPython", "OrdersNode"], indirect=True)


def greeting(answer):
    assert answer["statusCode"] == 200
    return json.loads(answer["body"])["greeting"]


def ran(said):
    """How often the handler ran."""
    return said.log.count("greeting 3 characters")


@hello
def test_untouched(invoke, function):
    said = invoke(function, HELLO)
    assert greeting(said.answer) == "Hello, Ada!"
    assert lines(said.log) == []
    assert ran(said) == 1


@hello
def test_latency(invoke, function):
    said = invoke(function, HELLO, FaultLatency="300ms")
    assert greeting(said.answer) == "Hello, Ada!"
    (line,) = lines(said.log)
    assert (line["event"], line["fault"], line["delay_ms"]) == ("fault_injected", "latency", 300)
    assert durations(said.log)[0] >= 300
    assert ran(said) == 1


@hello
def test_status(invoke, function):
    said = invoke(function, HELLO, FaultStatus="503")
    assert said.answer["statusCode"] == 503
    (line,) = lines(said.log)
    assert (line["event"], line["fault"], line["status"]) == ("fault_injected", "status", 503)
    assert ran(said) == 0


@python
def test_exception(invoke, function):
    said = invoke(function, HELLO, FaultException="ValueError: no such order")
    error = (said.answer["errorType"], said.answer["errorMessage"])
    assert error == ("ValueError", "no such order")
    (line,) = lines(said.log)
    assert (line["event"], line["fault"]) == ("fault_injected", "exception")
    assert ran(said) == 0


@python
def test_json_as_the_templates_first_lines_write_it(invoke, function):
    said = invoke(function, HELLO, FaultHeaders='{"content-type":null,"x-chaos":"a b"}')
    assert said.answer["headers"] == {"x-chaos": "a b"}
    assert greeting(said.answer) == "Hello, Ada!"
    assert [line["fault"] for line in lines(said.log, "fault_injected")] == ["headers"]


@orders
def test_a_batch_untouched(invoke, function):
    said = invoke(function, ORDERS)
    unreadable = json.loads(ORDERS.read_text())["Records"][1]["messageId"]
    assert said.answer == {"batchItemFailures": [{"itemIdentifier": unreadable}]}
    assert "shipping A-1" in said.log
    assert lines(said.log) == []


@pytest.mark.parametrize("function", ["OrdersNode"], indirect=True)
def test_a_batch_that_fails_as_a_whole(invoke, function):
    said = invoke(function, ORDERS, FaultException="Throttled: try later")
    assert said.answer["errorType"] == "Throttled"
    assert [line["fault"] for line in lines(said.log)] == ["exception"]
    assert "shipping" not in said.log
