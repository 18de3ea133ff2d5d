"""The sentence on the faults that a function on this machine starts with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from faultlayer_cli.plans.armed import sentence
from faultlayer_cli.plans.variables import Variables

NOW = 1_800_000_000.0
RULES = {"faults": [{"fault": "status", "code": 503, "rate": "5%"}, {"fault": "cpu", "cores": 1}]}
SEEN = {"FAULTLAYER_PLAN": "file:/var/task/plans/plan.json"}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "no fault is armed: the function runs untouched"),
        ({"LATENCY": "300ms"}, "armed: all invocations by latency 300ms"),
        (
            {"LATENCY": "300ms", "LATENCY_RATE": "20%", "STATUS": "503", "STATUS_MATCH": "path=/a"},
            "armed: 20% of the invocations by latency 300ms; "
            "all invocations with path=/a by status 503",
        ),
        (
            {"PLAN": json.dumps(RULES)},
            "armed: all invocations by cpu 1; 5% of the invocations by stat",
        ),
        ({"INIT": "2s"}, "armed: all cold starts by init 2000ms"),
        ({"STATUS": "503", "DRY_RUN": "true"}, "no fault is injected, only log lines: all invo"),
        ({"STATUS": "503", "DISABLED": "true"}, "no fault is armed: all are disabled"),
        ({"STATUS": "503", "RATE": "0"}, "no fault is armed: they can never hit"),
        ({"STATUS": "503", "END": "2020-01-01T00:00:00Z"}, "no fault is armed: they ended at "),
        (
            {"STATUS": "503", "END": "2099-01-01T00:00:00Z"},
            "armed: all invocations by status 503; ",
        ),
        (
            {"OBSERVE": "hosts", "STATUS": "503"},
            "armed: all invocations by status 503; the hosts that the function calls are observed",
        ),
        (
            {"OBSERVE": "hosts"},
            "no fault is armed: the hosts that the function calls are observed",
        ),
        ({"OBSERVE": "hosts", "DISABLED": "true"}, "no fault is armed: all are disabled"),
        ({"PLAN": "ssm:/chaos/orders"}, "armed: as the live plan says (ssm:/chaos/orders)"),
        ({"PLAN": "file:/opt/plan.json"}, "armed: as the plan in the package says (file:/opt"),
    ],
)
def test_what_is_armed(variables: dict[str, str], said: str, tmp_path: Path) -> None:
    texts = {f"FAULTLAYER_{name}": text for name, text in variables.items()}
    found = sentence(Variables(texts), tmp_path, NOW)
    assert found.startswith(said)
    assert "\n" not in found


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (json.dumps(RULES), "armed: all invocations by cpu 1; 5% of the invocations by status 503"),
        (json.dumps({**RULES, "disabled": True}), "no fault is armed: all are disabled"),
        ('{"faults": []}', "no fault is armed: the function runs untouched"),
        (json.dumps({**RULES, "end": "2020-01-01T00:00:00Z"}), "no fault is armed: they ended"),
        (
            '{"faults": [{"fault": "staus"}]}',
            "no fault is armed: the function runs untouched; file:",
        ),
        (None, "no plan is read from file:/var/task/plans/plan.json: "),
    ],
)
def test_a_plan_in_the_functions_folder_is_read(
    plan: str | None, said: str, tmp_path: Path
) -> None:
    if plan is not None:
        (tmp_path / "plans").mkdir()
        (tmp_path / "plans" / "plan.json").write_text(plan)
    assert sentence(Variables(SEEN), tmp_path, NOW).startswith(said)
