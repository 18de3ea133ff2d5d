"""The embedded metric format: what AWS's schema says, on the line of the injection itself."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer import log, metrics
from faultlayer.faults import all_faults
from faultlayer.settings.variables import read_environment
from faultlayer.targeting.injection import Candidate
from faultlayer.targeting.rules import Rule
from faultlayer.vocabulary.actions import Delay, Fail, HoldPastDeadline, Respond

EXTENSION = Path(log.__file__).parents[1]
UNITS = "Seconds Microseconds Milliseconds Bytes Kilobytes Megabytes Bits Percent Count None"
NAME = {"type": "string", "minLength": 1, "maxLength": 255}
# As the specification says it, and stricter: it allows members that nobody reads, we have none.
SCHEMA = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "additionalProperties": False,
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "additionalProperties": False,
                        "properties": {
                            "Namespace": NAME,
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {"type": "array", "maxItems": 9, "items": NAME},
                            },
                            "Metrics": {
                                "type": "array",
                                "minItems": 1,
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "additionalProperties": False,
                                    "properties": {"Name": NAME, "Unit": {"enum": UNITS.split()}},
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}
ACTIONS = [
    Delay(0.3),
    HoldPastDeadline(2.0, 7.0),
    Fail("ValueError", "no", "before"),
    Respond(503, {}, "", "after"),
]


def valid(line: dict[str, Any]) -> dict[str, Any]:
    """The one directive of a line, which has all that the directive refers to."""
    jsonschema.validate(line, SCHEMA)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    for dimensions in directive["Dimensions"]:
        for name in dimensions:
            assert isinstance(line[name], str)
            assert 1 <= len(line[name]) <= 1024
    for metric in directive["Metrics"]:
        assert isinstance(line[metric["Name"]], int | float)
    return dict(directive)


@pytest.fixture
def emf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_metrics", None)
    metrics.begin("orders")


def logged(capfd: pytest.CaptureFixture[str], action: Any, *, dry_run: bool) -> dict[str, Any]:
    fault = copy.copy(all_faults()[0])
    fault.logged = {}  # these actions are not its own
    rule = Rule(fault, None)  # type: ignore[arg-type]
    injection = Candidate(rule, action).claim("8476a536", dry_run=dry_run)
    assert injection is not None
    injection.happened()
    (line,) = capfd.readouterr().out.splitlines()
    assert line.startswith('{"source":"faultlayer","level":"info","event":"fault_')
    found: dict[str, Any] = json.loads(line)
    assert (found["fault"], found["request_id"]) == (fault.name, "8476a536")
    assert {name: found[name] for name in action.numbers} == action.numbers
    return found


@pytest.mark.usefixtures("emf")
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: type(action).__name__)
def test_an_injection_counts(capfd: pytest.CaptureFixture[str], action: Any) -> None:
    before = time.time() * 1000
    line = logged(capfd, action, dry_run=False)
    directive = valid(line)
    assert before - 1 <= line["_aws"]["Timestamp"] <= time.time() * 1000 + 1
    assert directive["Namespace"] == "faultlayer"
    assert directive["Dimensions"] == [["function", "fault"]]
    assert line["function"] == "orders"
    assert line["injections"] == 1
    delayed = "delay_ms" in action.numbers
    wanted = [("injections", "Count")] + [("delay_ms", "Milliseconds")] * delayed
    assert [(metric["Name"], metric["Unit"]) for metric in directive["Metrics"]] == wanted


@pytest.mark.usefixtures("emf")
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: type(action).__name__)
def test_a_dry_run_counts_for_itself(capfd: pytest.CaptureFixture[str], action: Any) -> None:
    line = logged(capfd, action, dry_run=True)
    assert valid(line)["Metrics"] == [{"Name": "dry_runs", "Unit": "Count"}]
    assert line["dry_runs"] == 1
    assert "injections" not in line


@pytest.mark.usefixtures("emf")
def test_other_lines_have_no_metrics(capfd: pytest.CaptureFixture[str]) -> None:
    log.emit("error", "config_error", variable="FAULTLAYER_RATE", message="is wrong")
    assert "_aws" not in json.loads(capfd.readouterr().out)


def test_without_it_nothing_is_added(capfd: pytest.CaptureFixture[str]) -> None:
    line = logged(capfd, Delay(0.3), dry_run=False)
    assert set(line) == {"source", "level", "event", "fault", "request_id", "delay_ms", "when"}


@given(function=st.text(st.characters(), max_size=64))
def test_any_name_of_a_function(function: str) -> None:
    members = metrics.emf(function)("fault_injected", {"fault": "x"})
    line = json.loads('{"fault":"x",' + members + "}")
    valid(line)
    assert line["function"] == (function or "unknown")


@pytest.mark.parametrize("level", ["WARN", "ERROR", "FATAL"])
def test_metrics_are_written_whatever_the_level_of_lines(level: str) -> None:
    script = (
        "from faultlayer import log, metrics\n"
        "log.emit('info', 'fault_injected', fault='x')\n"
        "metrics.begin('orders')\n"
        "log.emit('info', 'plan_loaded')\n"
        "log.emit('info', 'fault_injected', fault='x')\n"
        "log.emit('info', 'fault_dry_run', fault='x')"
    )
    environ = {"PYTHONPATH": str(EXTENSION), "AWS_LAMBDA_LOG_LEVEL": level}
    command = [sys.executable, "-SB", "-c", script]
    out = subprocess.run(command, env=environ, capture_output=True, check=True).stdout
    found = [json.loads(line) for line in out.splitlines()]
    assert [line["event"] for line in found] == ["fault_injected", "fault_dry_run"]
    for line in found:
        valid(line)


@pytest.mark.parametrize("text", ["json", "EMF,otel"])
def test_a_wrong_value_is_said_and_limits_nothing(text: str) -> None:
    settings = read_environment({"FAULTLAYER_METRICS": text, "FAULTLAYER_LATENCY": "1s"})
    assert settings.chooser is not None
    assert settings.settings.metrics is None
    (problem,) = settings.problems
    assert problem.variable == "FAULTLAYER_METRICS"
    assert "allowed: one of emf" in problem.message
    assert "nothing is injected" not in problem.message


def test_case_does_not_matter() -> None:
    assert read_environment({"FAULTLAYER_METRICS": " EMF"}).settings.metrics == "emf"


def test_it_is_not_imported_unless_asked_for() -> None:
    script = "import sys, faultlayer.main; print('faultlayer.metrics' in sys.modules)"
    environ = {**os.environ, "PYTHONPATH": str(EXTENSION)}
    command = [sys.executable, "-SB", "-c", script]
    assert subprocess.run(command, env=environ, capture_output=True).stdout == b"False\n"
