"""validate: all that is wrong, one line each, as a pipeline wants it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_support import Command


def test_right_plans_and_variables(typed: Command, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("faults: [{fault: status, code: 503}]\n")
    lines = tmp_path / "faults.env"
    lines.write_text("# ours\nexport FAULTLAYER_LATENCY='300ms'\nTABLE=orders\n\n")
    values = tmp_path / "faults.json"
    values.write_text('{"FAULTLAYER_STATUS": "503", "TABLE": "t"}')
    said = typed("validate", plan, "--variables", lines, "--variables", values)
    assert said.code == 0, said
    assert said.out.splitlines() == [f"{plan}: right", f"{lines}: right", f"{values}: right"]


def test_everything_wrong_is_said_at_once(typed: Command, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("faults:\n- {fault: status, code: 999}\n- {fault: nonsense}\n")
    lines = tmp_path / "faults.env"
    lines.write_text("FAULTLAYER_LATENCY=soon\nFAULTLAYER_LATENZY=1s\n")
    said = typed("validate", plan, "--variables", lines)
    assert said.code == 2
    for part in (
        f"{plan}: faults[0].code is outside 100 to 599",
        f"{plan}: faults[1].fault is not a fault",
        f"{lines}: FAULTLAYER_LATENCY is not a duration",
        f"{lines}: FAULTLAYER_LATENZY is not a variable of faultlayer",
    ):
        assert len([line for line in said.lines if part in line]) == 1, said.err
    said = typed("validate", plan, "--json")
    assert said.code == 2
    (entry,) = json.loads(said.out)["files"]
    assert entry["file"] == str(plan)
    assert len(entry["problems"]) == 2


def test_what_has_no_effect_is_a_warning(typed: Command, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "faults: [{fault: status, code: 503, match: {headers.n: 1}}]\nend: 2020-01-01T00:00:00Z\n"
    )
    answer = tmp_path / "answer.json"
    ended = {"FAULTLAYER_STATUS": "503", "FAULTLAYER_END": "2020-01-01T00:00:00Z"}
    answer.write_text(json.dumps({"Environment": {"Variables": ended}}))
    said = typed("validate", plan, "--variables", answer)
    assert said.code == 0
    assert said.out.splitlines() == [
        f"{plan}: right, with 2 warnings",
        f"{answer}: right, with 1 warning",
    ]
    assert [line.partition(" warning: ")[2] for line in said.lines] == [
        f"{plan}: faults[0].match can never hold: headers.n is text in every event of AWS's, "
        'which 1 is not; allowed: "1"',
        f"{plan}: end is in the past: nothing is injected any more",
        f"{answer}: FAULTLAYER_END is in the past: nothing is injected any more",
    ]
    said = typed("validate", plan, "--json")
    assert len(json.loads(said.out)["files"][0]["warnings"]) == 2


def test_the_variables_that_are_set(typed: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    said = typed("validate")
    assert said.code == 2
    assert "nothing to check" in said.err
    monkeypatch.setenv("FAULTLAYER_STATUS", "503")
    said = typed("validate")
    assert (said.code, said.out) == (0, "environment: right\n")
    monkeypatch.setenv("FAULTLAYER_STATUS", "one")
    assert typed("validate").code == 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("no assignment\n", "line 1 is not NAME=VALUE"),
        ('{"A": 1}', "has A, which is not text"),
        ('{"A": ', "is not JSON"),
    ],
)
def test_files_that_hold_no_variables(typed: Command, tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "faults"
    path.write_text(text)
    said = typed("validate", "--variables", path)
    assert said.code == 2
    assert [line in each for each in said.lines] == [True]
    assert typed("validate", "--variables", tmp_path / "none").code == 2


def test_a_match_for_a_fault_that_hits_starts_is_a_mistake(typed: Command, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text('{"faults":[{"fault":"init","how":"3s"}],"match":{"path":"/"}}')
    said = typed("validate", path)
    assert said.code == 2
    assert "init has no effect beside match" in said.err
    assert "no event" in said.err


def test_mistakes_about_hosts_are_a_line_each(typed: Command, tmp_path: Path) -> None:
    lines = tmp_path / "faults.env"
    wrong = {
        "DNS": "nxdomain",
        "DNS_HOSTS": "/[/",
        "CONNECT": "refuse",
        "CONNECT_HOSTS": "10.0.0.0/33",
        "NETWORK": "1s",
        "NETWORK_HOSTS": "*.*..",
        "BANDWIDTH": "0",
        "OBSERVE": "hosts,s3",
    }
    lines.write_text("".join(f"FAULTLAYER_{name}={text}\n" for name, text in wrong.items()))
    said = typed("validate", "--variables", lines)
    assert said.code == 2
    named = {line.partition("FAULTLAYER_")[2].partition(" ")[0]: line for line in said.lines}
    assert set(named) == {"DNS_HOSTS", "CONNECT_HOSTS", "NETWORK_HOSTS", "BANDWIDTH", "OBSERVE"}
    assert len(said.lines) == len(named)
    assert all("; allowed: " in line for line in said.lines)
    plan = tmp_path / "plan.json"
    rule = {"fault": "network", "delay": "1s", "hosts": ["a.test", "10.0.0.1/8"]}
    plan.write_text(json.dumps({"faults": [rule], "observe": "s3"}))
    said = typed("validate", plan)
    assert said.code == 2
    first, second = said.lines
    assert "faults[0].hosts is wrong in entry 2: it is no network" in first
    assert "observe is wrong in entry 1: it is not one of hosts" in second
