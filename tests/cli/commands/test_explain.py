"""explain: what it foretells is what the extension does, and it says why."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from cli_support import Command
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.settings import plan
from faultlayer.settings.variables import read_environment
from faultlayer_cli.plans import explanation

EVENT = {
    "requestContext": {"http": {"method": "GET"}},
    "headers": {"x-chaos": "1"},
    "path": "/users/7",
    "items": [{"price": 5}],
}


@pytest.fixture
def event(tmp_path: Path) -> Path:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(EVENT))
    return path


def told(typed: Command, event: Path, *arguments: object) -> dict[str, tuple[str, str]]:
    """Verdict and reasons by rule."""
    said = typed("explain", "--event", event, "--json", *arguments)
    assert said.code == 0, said
    rules = json.loads(said.out)["rules"]
    return {rule["rule"]: (rule["verdict"], "; ".join(rule["because"])) for rule in rules}


def test_it_says_path_expected_and_found(typed: Command, event: Path) -> None:
    found = told(
        typed,
        event,
        *("--status", "503", "--status-match", '{"path":{"prefix":"/orders"},"no.such":1}'),
        *("--latency", "1s", "--latency-match", "headers.X-Chaos,items.0.price=5"),
    )
    assert found == {
        "FAULTLAYER_LATENCY": ("hits", ""),
        "FAULTLAYER_STATUS": (
            "misses",
            'path: expected prefix "/orders", found "/users/7"; no.such: expected 1, found nothing',
        ),
    }


def test_chance_without_a_seed_and_draws_with_one(typed: Command, event: Path) -> None:
    faults = ["--status", "503", "--status-rate", "20%"]
    assert told(typed, event, *faults)["FAULTLAYER_STATUS"][0] == "may hit"
    seeded = [*faults, "--seed", "7"]
    assert "--request-id" in told(typed, event, *seeded)["FAULTLAYER_STATUS"][1]
    seen = set()
    for number in range(30):
        request_id = str(uuid.UUID(int=number))
        verdict, why = told(typed, event, *seeded, "--request-id", request_id)["FAULTLAYER_STATUS"]
        seen.add(verdict)
        assert ("<" in why) == (verdict == "hits")
        assert "rate 0.2" in why
    assert seen == {"hits", "misses"}


def test_a_share_that_chance_rounds_is_no_miss(typed: Command, tmp_path: Path) -> None:
    path = tmp_path / "batch.json"
    path.write_text('{"Records":[{"eventSource":"aws:sqs","messageId":"m"}]}')
    found = told(typed, path, "--batch", "10%")["FAULTLAYER_BATCH"]
    assert found[0] == "may hit"
    assert "chance" in found[1]


def test_one_outcome_bars_the_others(typed: Command, event: Path) -> None:
    found = told(typed, event, "--status", "503", "--exception", "x", "--latency", "1s")
    assert found["FAULTLAYER_EXCEPTION"][0] == "hits"
    assert found["FAULTLAYER_STATUS"] == (
        "misses",
        "FAULTLAYER_EXCEPTION decides the outcome already",
    )
    assert found["FAULTLAYER_LATENCY"][0] == "hits"
    found = told(typed, event, "--status", "503", "--exception", "x", "--exception-when", "after")
    assert found["FAULTLAYER_STATUS"][0] == "hits"


@pytest.mark.parametrize(
    ("typed_in", "why"),
    [
        (["--disabled"], "the kill switch is on"),
        (
            ["--end", "2020-01-01T00:00:00Z", "--at", "2021-01-01T00:00:00Z"],
            "it ended at 2020-01-01",
        ),
        (["--start", "2099-01-01T00:00:00Z"], "it starts at 2099-01-01T00:00:00Z"),
        (["--rate", "0"], "its rate or its max is 0"),
    ],
)
def test_what_stops_everything(typed: Command, event: Path, typed_in: list[str], why: str) -> None:
    verdict, because = told(typed, event, "--status", "503", *typed_in)["FAULTLAYER_STATUS"]
    assert verdict == "misses"
    assert why in because


def test_nothing_is_no_table(typed: Command, event: Path) -> None:
    said = typed("explain", "--event", event)
    assert (said.code, said.out) == (0, "no fault is configured: nothing is injected\n")
    said = typed("explain", "--event", event, "--json")
    assert json.loads(said.out) == {"rules": [], "warnings": []}


def test_variables_that_are_set_count_and_flags_win(
    typed: Command, event: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAULTLAYER_STATUS", "503")
    monkeypatch.setenv("FAULTLAYER_RATE", "0")
    assert told(typed, event)["FAULTLAYER_STATUS"][0] == "misses"
    assert told(typed, event, "--rate", "1")["FAULTLAYER_STATUS"][0] == "hits"


def test_a_live_plan_is_read_or_not_known(typed: Command, event: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text('{"faults":[{"fault":"status","code":503}],"disabled":true}')
    found = told(typed, event, "--plan", f"file:{path}", "--latency", "1s")
    assert found["faults[0]"] == ("misses", "the kill switch is on")
    said = typed("explain", "--event", event, "--plan", "file:/var/task/no.json", "--latency", "1s")
    assert said.code == 1
    assert "cannot be read, so it is not known what hits" in said.err
    latency, plan_ = said.out.splitlines()[1:]
    assert "may hit" in latency
    assert plan_.split()[:2] == ["FAULTLAYER_PLAN", "unknown"]
    path.write_text('{"faults":[{"fault":"status","code":503}],"start":"2998-01-01T00:00:00Z"}')
    ends = ("--until", "2997-01-01T00:00:00Z")
    said = typed("explain", "--event", event, "--plan", f"file:{path}", *ends)
    assert (said.code, "unknown" in said.out) == (1, True), "there is no time for both"
    ended = ("--until", "2020-01-01T00:00:00Z")
    said = typed("explain", "--event", event, "--plan", "file:/var/task/no.json", *ended)
    assert (said.code, said.lines) == (
        2,
        ["faultlayer: --until is over already; allowed: a time that is to come"],
    )
    ended = (*ended, "--at", "2021-01-01T00:00:00Z")
    said = typed("explain", "--event", event, "--plan", "file:/var/task/no.json", *ended)
    assert said.code == 0, "no plan could inject anything then"


def test_a_condition_that_can_never_hold_is_told(typed: Command, event: Path) -> None:
    faults = ("--latency", "1s", "--latency-match", '{"headers.x-chaos":1}')
    said = typed("explain", "--event", event, *faults)
    (line,) = said.lines
    assert line.startswith("faultlayer: warning: --latency-match can never hold: headers.x-chaos")
    said = typed("explain", "--event", event, "--json", *faults)
    assert json.loads(said.out)["warnings"] == [line.partition("warning: ")[2]]


def test_the_fault_of_the_same_name_has_another_flag(typed: Command, event: Path) -> None:
    found = told(typed, event, "--fault-event", '{"path":null}', "--event-rate", "50%")
    assert found["FAULTLAYER_EVENT"][0] == "may hit"


def test_at_another_time(typed: Command, event: Path) -> None:
    window = ["--status", "503", "--start", "2030-01-01T00:00:00Z", "--end", "2030-01-02T00:00:00Z"]
    for at, verdict in (("2030-01-01T12:00:00Z", "hits"), ("2030-01-02T00:00:00Z", "misses")):
        assert told(typed, event, *window, "--at", at)["FAULTLAYER_STATUS"][0] == verdict


def test_a_plans_rules_are_called_by_their_place(
    typed: Command, event: Path, tmp_path: Path
) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(
        "faults:\n- {fault: status, code: 503, match: {path: /users/7}}\n"
        "- {fault: status, code: 429}\n- {fault: latency, delay: 1s}\ndry_run: true\n"
    )
    found = told(typed, event, "--plan", path)
    assert list(found) == ["faults[2]", "faults[0]", "faults[1]"]
    assert found["faults[0]"] == ("hits", "dry run: it is logged, not injected")
    assert found["faults[1]"][0] == "misses"
    said = typed("explain", "--event", event, "--plan", path)
    assert "faults[0]  status   hits" in said.out


@pytest.mark.parametrize(
    ("typed_in", "line"),
    [
        (["--event", "/nonexistent", "--status", "503"], "--event /nonexistent cannot be read"),
        (["--status", "999"], "--status is outside 100 to 599"),
        (["--status", "503", "--at", "noon"], "--at is not a time in ISO 8601"),
        (["--status", "503", "--request-id", "a b"], "--request-id is not plain text"),
        (["--plan", "/nonexistent"], "/nonexistent cannot be read"),
    ],
)
def test_mistakes(typed: Command, event: Path, typed_in: list[str], line: str) -> None:
    given_event = [] if "--event" in typed_in else ["--event", event]
    said = typed("explain", *given_event, *typed_in)
    assert (said.code, said.out) == (2, "")
    assert len(said.lines) == 1
    assert line in said.err


RULES: list[dict[str, Any]] = [
    {"fault": "latency", "delay": "1ms..9ms", "rate": 0.5},
    {"fault": "latency", "delay": "5ms", "rate": 0.5, "match": {"path": {"prefix": "/users"}}},
    {"fault": "status", "code": 503, "rate": 0.4},
    {"fault": "exception", "message": "E: x", "rate": 0.4, "when": "after"},
    {"fault": "status", "code": 429, "rate": 0.6, "match": {"no": {"exists": True}}},
    {"fault": "headers", "headers": {"a": None}, "rate": 0.7},
]


@given(st.uuids(), st.lists(st.sampled_from(RULES), max_size=5), st.text("abc", max_size=3))
def test_it_foretells_what_the_extension_decides(
    number: uuid.UUID, rules: list[dict[str, Any]], seed: str
) -> None:
    document = {"faults": rules, "seed": "s" + seed}
    assert not plan.read(document).problems
    settings = read_environment({"FAULTLAYER_PLAN": json.dumps(document)})
    invocation = explanation.invocation_of(json.dumps(EVENT).encode(), str(number), "arn", 0.0)
    verdicts = explanation.explain(settings, invocation, 0.0, known_id=True)
    foretold = [(v.fault, dict(v.numbers)) for v in verdicts if v.verdict == "hits"]
    hits = None
    if settings.chooser:
        body = json.dumps(EVENT).encode()
        hits = settings.chooser.decide(invocation.head + body, invocation.lowered)
    decided = [(hit.rule.fault.name, hit.action.numbers) for hit in hits.injections] if hits else []
    assert foretold == decided


def test_what_hits_starts_hits_no_event(typed: Command, event: Path) -> None:
    """With a match for all, too, beside which it is off; nor is its draw told of."""
    rules = [{"fault": "init", "how": "error", "rate": 0.5}, {"fault": "latency", "delay": "1s"}]
    found = told(typed, event, "--plan", json.dumps({"faults": rules}), "--env", '{"TABLE":null}')
    for label in ("FAULTLAYER_ENV", "faults[0]"):
        verdict, because = found[label]
        assert verdict == "misses"
        assert "hits the start of an execution environment" in because
    assert found["faults[1]"][0] == "hits"
    never = told(typed, event, "--env", '{"TABLE":null}', "--env-max", "0")
    assert never["FAULTLAYER_ENV"] == ("misses", "its rate or its max is 0")


def test_hosts_are_named_and_observing_hits_nothing(typed: Command, event: Path) -> None:
    said = typed("explain", "--event", event, "--observe", "hosts")
    assert said.code == 0
    assert said.out == (
        "no fault is configured: nothing is injected, "
        "and the hosts that the function calls are observed\n"
    )
    plan = {"fault": "network", "delay": "1s", "hosts": ["*.test:443", "!b.test"]}
    given = json.dumps({"faults": [plan], "observe": ["hosts"]})
    verdict, because = told(typed, event, "--plan", given)["faults[0]"]
    assert verdict == "hits"
    assert because == "only connections to *.test:443,!b.test: without one nothing is injected"
