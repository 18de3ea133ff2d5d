"""What every fault keeps to that hits the start of an environment, where no event is there yet."""

from __future__ import annotations

import json

import pytest

from faultlayer.faults import all_faults
from faultlayer.settings import plan
from faultlayer.settings.variables import read_environment
from faultlayer.vocabulary.actions import Action
from faultlayer.vocabulary.registry import AT_START, PREFIX, Fault, Options

at_start = pytest.mark.parametrize(
    "fault",
    [fault for fault in all_faults() if fault.begin],
    ids=lambda fault: fault.name,
)


@at_start
def test_what_hits_starts_leaves_invocations_alone(fault: Fault) -> None:
    settings = read_environment({PREFIX + fault.name.upper(): fault.main.kind.example})
    assert settings.chooser is not None
    raw = b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 8476a536\r\n\r\n"
    assert settings.chooser.decide(raw, raw.lower()) is None
    assert [hit.rule.fault for hit in settings.chooser.begin()] == [fault]
    assert fault.common is AT_START


@at_start
def test_its_own_match_is_refused_with_the_reason(fault: Fault) -> None:
    """There is no event yet that could be matched."""
    stem = PREFIX + fault.name.upper()
    settings = read_environment({stem: fault.main.kind.example, f"{stem}_MATCH": "path=value"})
    (problem,) = settings.problems
    assert problem.variable == f"{stem}_MATCH"
    assert "no event" in problem.message
    assert settings.chooser is None
    rule = {"fault": fault.name, fault.main.name: fault.main.kind.example, "match": {"a": "b"}}
    (wrong,) = plan.read({"faults": [rule]}).problems
    assert wrong.field == "faults[0].match"
    assert "no event" in wrong.message


@at_start
def test_where_a_match_holds_for_all_it_is_off(fault: Fault) -> None:
    """Hitting without the match would be more than was asked for."""
    stem, main = PREFIX + fault.name.upper(), fault.main.kind.example
    variables = {stem: main, "FAULTLAYER_MATCH": "a=b", "FAULTLAYER_LATENCY": "1s"}
    planned = json.dumps({"faults": [{"fault": fault.name, fault.main.name: main}]})
    matched = '{"faults":[{"fault":"%s","%s":%s}],"match":{"a":"b"}}'
    matched %= fault.name, fault.main.name, json.dumps(main)
    for given, told in (
        (variables, stem),
        ({"FAULTLAYER_PLAN": planned, "FAULTLAYER_MATCH": "a=b"}, "FAULTLAYER_PLAN"),
        ({"FAULTLAYER_PLAN": matched}, "FAULTLAYER_PLAN"),
        ({stem: main, "FAULTLAYER_PLAN": '{"faults":[],"match":{"a":"b"}}'}, stem),
    ):
        settings = read_environment(given)
        assert [problem.variable for problem in settings.problems] == [told]
        assert "no event" in settings.problems[0].message
        assert not (settings.chooser and settings.chooser.starts)
        assert (settings.chooser is not None) == ("FAULTLAYER_LATENCY" in given), "others stay"


@at_start
@pytest.mark.parametrize("seed", [{}, {"FAULTLAYER_SEED": "7"}], ids=["by chance", "with a seed"])
def test_its_rate_is_a_share_of_starts(fault: Fault, seed: dict[str, str]) -> None:
    stem = PREFIX + fault.name.upper()
    hit = 0
    for _ in range(400):
        chooser = read_environment(
            {stem: fault.main.kind.example, f"{stem}_RATE": "25%", **seed}
        ).chooser
        assert chooser is not None
        hit += len(chooser.begin())
    assert 40 < hit < 170, "six standard deviations"


@at_start
def test_a_dry_run_says_what_would_have_hit(
    fault: Fault, capfd: pytest.CaptureFixture[str]
) -> None:
    stem = PREFIX + fault.name.upper()
    given = {stem: fault.main.kind.example, "FAULTLAYER_DRY_RUN": "true", f"{stem}_MAX": "1"}
    chooser = read_environment(given).chooser
    assert chooser is not None
    assert (chooser.begin(), chooser.begin()) == ([], [])
    (line,) = capfd.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["event"], told["fault"], told["phase"]) == ("fault_dry_run", fault.name, "init")


@at_start
def test_outside_its_window_or_past_its_limit_it_does_not_hit(fault: Fault) -> None:
    stem = PREFIX + fault.name.upper()
    for more in ({"FAULTLAYER_START": "2999-01-01T00:00:00Z"}, {f"{stem}_RATE": "0"}):
        chooser = read_environment({stem: fault.main.kind.example, **more}).chooser
        assert chooser is None or not chooser.begin()
    chooser = read_environment({stem: fault.main.kind.example, f"{stem}_MAX": "1"}).chooser
    assert chooser is not None
    (hit,) = chooser.begin()
    assert hit.rule.claim()
    assert not chooser.begin()


@at_start
def test_one_that_breaks_leaves_the_start_alone(
    fault: Fault, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chooser = read_environment({PREFIX + fault.name.upper(): fault.main.kind.example}).chooser
    assert chooser is not None

    def fails(options: Options, draw: float) -> Action | None:
        raise MemoryError("hunter2")

    monkeypatch.setattr(fault, "begin", fails)
    assert not chooser.begin()
    (line,) = capfd.readouterr().out.splitlines()
    assert "hunter2" not in line
    assert json.loads(line)["event"] == "internal_error"
