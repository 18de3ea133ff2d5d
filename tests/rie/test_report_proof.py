"""The log of a real function under the real emulator, summed up: what its answers were, exactly."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

WRAPPED = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/faultlayer-wrapper"}
RATES = {
    **WRAPPED,
    "FAULTLAYER_LATENCY": "120ms",
    "FAULTLAYER_LATENCY_RATE": "25%",
    "FAULTLAYER_STATUS": "503",
    "FAULTLAYER_STATUS_RATE": "20%",
    "FAULTLAYER_EXCEPTION": "Chosen: by us",
    "FAULTLAYER_EXCEPTION_RATE": "15%",
    "FAULTLAYER_SEED": "7",
    "FAULTLAYER_METRICS": "emf",
}


def reported(log: str, folder: Path) -> dict[str, Any]:
    """What the command makes of a saved log."""
    path = folder / "function.log"
    path.write_text(log)
    command = [sys.executable, "-m", "faultlayer_cli", "report", str(path), "--json"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert said.stderr == ""
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def outcome(body: bytes) -> str:
    """What the caller sees of one answer."""
    if body.startswith(b"Task timed out"):
        return "timed out"
    said = json.loads(body)
    return str(said.get("errorType") or said.get("statusCode") or "plain")


def test_the_sums_are_what_the_answers_were(run, tmp_path: Path):
    function = run(**RATES)
    draw = random.Random(3).random
    seen: Counter[str] = Counter()
    late: list[float] = []
    for number in range(120):
        event = {"raise": "of its own"} if draw() < 0.1 else {}
        answer = function.invoke(event, str(uuid.UUID(int=number)))
        seen[outcome(answer.body)] += 1
        if answer.seconds > 0.12 and number:
            late.append(answer.seconds)
    lines = function.lines("fault_injected")
    assert all("_aws" in line for line in lines)
    hits = Counter(line["fault"] for line in lines)

    found = reported(function.log, tmp_path)
    groups = {group["fault"]: group for group in found["faults"]}
    assert {name: group["injections"] for name, group in groups.items()} == dict(hits)
    assert groups["status"]["injections"] == seen["503"]
    assert groups["exception"]["injections"] == seen["Chosen"]
    assert groups["exception"]["errors"] == seen["Chosen"]
    assert seen["Chosen"] > 5 and seen["503"] > 5 and seen["KeyError"] > 2
    total = found["total"]
    assert total["invocations"] == 120
    assert total["errors"] == seen["Chosen"] + seen["KeyError"]
    assert total["injections"] == sum(hits.values())
    assert found["troubles"] == []

    latency, quiet = groups["latency"], found["not_hit"]
    assert 10 < latency["invocations"] <= len(late) + 1  # the very first is late in any case
    assert 120 <= latency["median_ms"] <= max(late) * 1000
    assert quiet["median_ms"] < 120
    touched = {line["request_id"] for line in lines}
    assert quiet["invocations"] == 120 - len(touched)


def test_timeouts_crashes_and_what_is_wrong(run, tmp_path: Path):
    function = run(
        **WRAPPED,
        timeout=3,
        FAULTLAYER_TIMEOUT="0",
        FAULTLAYER_RATE="30%",
        FAULTLAYER_SEED="2",
        FAULTLAYER_STATUS="1000",
    )
    seen: Counter[str] = Counter()
    for number in range(8):
        answer = function.invoke({}, str(uuid.UUID(int=number)))
        seen[outcome(answer.body)] += 1
    assert seen["timed out"] > 0
    found = reported(function.log, tmp_path)
    (group,) = found["faults"]
    assert (group["fault"], group["injections"]) == ("timeout", seen["timed out"])
    assert (group["errors"], found["not_hit"]["errors"]) == (seen["timed out"], 0)
    assert group["median_ms"] >= 2990
    (trouble,) = found["troubles"]
    assert (trouble["name"], trouble["about"]) == ("config_error", "FAULTLAYER_STATUS")


def test_a_dry_run_hits_nothing(run, tmp_path: Path):
    dry = {"FAULTLAYER_STATUS": "503", "FAULTLAYER_DRY_RUN": "true", "FAULTLAYER_METRICS": "emf"}
    function = run(**WRAPPED, **dry)
    for _ in range(5):
        assert outcome(function.invoke().body) == "200"
    found = reported(function.log, tmp_path)
    (group,) = found["faults"]
    assert (group["injections"], group["dry_runs"], group["invocations"]) == (0, 5, 0)
    assert found["not_hit"]["invocations"] == found["total"]["invocations"] == 5
    metrics = [line["_aws"]["CloudWatchMetrics"][0]["Metrics"] for line in function.lines()]
    assert metrics == [[{"Name": "dry_runs", "Unit": "Count"}]] * 5
    assert {line["function"] for line in function.lines()} == {"probe"}
