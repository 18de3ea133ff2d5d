"""The plan beside the variables: what adds up, what wins, what stops all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from faultlayer.settings import plan
from faultlayer.settings.configuration import Configuration
from faultlayer.settings.draft import Plan
from faultlayer.settings.variables import read_environment
from faultlayer.vocabulary.registry import PREFIX
from unit.settings.config_read import LATE, faults, read, the_problem

# -- the plan ---------------------------------------------------------------------------------


def test_rules_of_variables_and_plan_add_up() -> None:
    settings = read(LATENCY="300ms", STATUS="503", PLAN=LATE + "}")
    assert not settings.problems
    assert faults(settings) == ["latency", "latency", "latency", "status"]
    assert settings.chooser is not None
    assert [rule.draw_name for rule in settings.chooser.rules] == [
        "latency",
        "latency#2",
        "latency#3",
        "status",
    ]


def test_variables_win_for_what_holds_for_all() -> None:
    plan = LATE + ',"rate":0.25,"dry_run":true,"seed":7,"disabled":true,"match":{"a":1}}'
    assert read(PLAN=plan).chooser is None
    settings = read(PLAN=plan, DISABLED="false", MATCH="b", RATE="10%", DRY_RUN="0", STATUS="503")
    assert settings.chooser is not None
    assert not settings.chooser.dry_run
    assert [rule.rate for rule in settings.chooser.rules] == [0.5, 0.1, 0.1]
    assert {rule.match.show() for rule in settings.chooser.rules if rule.match} == {
        '{"b":{"exists":true}}'
    }


def test_what_a_plan_says_holds_for_the_variables_rules_too() -> None:
    settings = read(PLAN='{"rate":0.25,"match":{"a":1}}', STATUS="503")
    assert settings.chooser is not None
    (rule,) = settings.chooser.rules
    assert rule.rate == 0.25
    assert rule.match is not None


def test_a_wrong_rule_keeps_its_place_among_the_draws() -> None:
    plan = LATE.replace('"1s"', '"soon"') + "}"
    settings = read(PLAN=plan)
    named, message = the_problem(settings)
    assert named == "FAULTLAYER_PLAN"
    assert message.startswith("faults[0].delay is not a duration; allowed: a duration")
    assert "nothing is injected" not in message
    assert settings.chooser is not None
    assert [rule.draw_name for rule in settings.chooser.rules] == ["latency#2"]


def test_a_wrong_plan_stops_the_variables_too() -> None:
    settings = read(PLAN='{"faults":[],"rate":2}', LATENCY="1s")
    assert the_problem(settings)[1].startswith("rate is above 1, which is 100%")
    assert the_problem(settings)[1].endswith("; nothing is injected")
    assert settings.chooser is None


def test_many_problems_of_a_plan_are_not_all_said() -> None:
    plan = json.dumps({"faults": [{"fault": "none"}] * 100})
    settings = read(PLAN=plan, LATENCY="1s")
    assert len(settings.problems) == 21
    assert settings.problems[-1].message == "has 80 more problems"
    assert faults(settings) == ["latency"]


@pytest.mark.parametrize("source", ["ssm:/chaos/plan", "appconfig:a/e/p", "file:/none"])
def test_until_its_plan_is_known_a_source_lets_nothing_hit(source: str) -> None:
    settings = read(PLAN=source, LATENCY="1s")
    assert settings.source is not None
    assert settings.chooser is None
    assert settings.chooser_for(plan.read("{}")) is not None
    assert read_environment({"FAULTLAYER_PLAN": source}, files=False).source is None


@pytest.mark.parametrize("source", ["ssm:/chaos/plan", "appconfig:a/e/p", "file:/none"])
@pytest.mark.parametrize(
    "variables",
    [{"DISABLED": "true"}, {"END": "2020-01-01T00:00Z"}, {"RATE": "2"}, {"MATCH": "a..b"}],
    ids=str,
)
def test_where_the_variables_stop_all_no_source_is_asked(
    source: str, variables: dict[str, str]
) -> None:
    settings = read(PLAN=source, LATENCY="1s", **variables)
    assert settings.source is None
    assert settings.chooser is None


@pytest.mark.parametrize(
    ("source", "environ"),
    [
        ("ssm:", {}),
        ("ssm:" + "x" * 2049, {}),
        ("ssm:\udc80", {}),
        ("appconfig:", {}),
        ("appconfig:a/e", {}),
        ("appconfig:a/e/p/q", {}),
        ("appconfig:a//p", {}),
        ("appconfig:a/e/\udc80", {}),
        ("ssm:x", {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": "http"}),
        ("ssm:x", {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": "65536"}),
        ("appconfig:a/e/p", {"AWS_APPCONFIG_EXTENSION_HTTP_PORT": "0"}),
    ],
)
def test_a_source_that_is_none_stops_all(source: str, environ: dict[str, str]) -> None:
    settings = read_environment({"FAULTLAYER_PLAN": source, "FAULTLAYER_LATENCY": "1s", **environ})
    variable, message = the_problem(settings)
    assert variable == "FAULTLAYER_PLAN"
    assert message.endswith("; nothing is injected")
    assert "appconfig:application/environment/profile`; nothing" in message
    assert (settings.source, settings.chooser) == (None, None)


def test_how_old_a_plan_may_become() -> None:
    assert read().settings.poll == 10
    assert read(POLL="500ms").settings.poll == 0.5
    settings = read(POLL="soon", LATENCY="1s")
    assert the_problem(settings)[0] == "FAULTLAYER_POLL"
    assert (settings.settings.poll, settings.chooser is None) == (10, False)


# -- limits from plan to plan -----------------------------------------------------------------

TWICE = '{"fault":"latency","delay":"1s","max":2}'


def limited(*rules: str, more: str = "") -> Plan:
    return plan.read('{"faults":[' + ",".join(rules) + "]" + more + "}")


def left(settings: Configuration, *plans: Plan) -> list[int | None]:
    """What is left of the rules of the last of these plans, one injection of each claimed."""
    chooser = None
    for number, each in enumerate(plans):
        chooser = settings.chooser_for(each)
        if number == 0 and chooser:
            assert all(rule.claim() for rule in chooser.rules)
    assert chooser is not None
    return [rule.limit and rule.limit.remaining for rule in chooser.rules]


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (limited(TWICE), [1]),
        (limited(' { "max":2, "delay": "1000ms", "fault":"latency" } '), [1]),
        (limited(TWICE, more=',"seed":7,"rate":0.5'), [1]),
        (limited('{"fault":"status","code":503,"max":2}', TWICE), [1, 2]),
        (limited(TWICE, TWICE), [1, 2]),
        (limited(TWICE.replace("1s", "2s")), [2]),
        (limited(TWICE.replace(":2", ":3")), [3]),
        (limited(TWICE.replace("}", ',"match":{"a":1}}')), [2]),
        (limited('{"fault":"latency","delay":"1s"}'), [None]),
    ],
)
def test_a_limit_stays_with_its_rule(second: Plan, expected: list[int | None]) -> None:
    assert left(read(), limited(TWICE), second) == expected


def test_a_limit_outlives_a_pause_but_not_its_rule() -> None:
    plain, off = limited(TWICE), limited(TWICE, more=',"disabled":true')
    assert left(read(), plain, off, plain) == [1]
    assert left(read(), plain, limited(), plain) == [2]


def test_a_variables_limit_outlives_all_plans() -> None:
    settings = read(LATENCY="1s", LATENCY_MAX="2", PLAN=LATE + "}")
    assert settings.chooser is not None
    assert all(rule.claim() for rule in settings.chooser.rules)
    assert left(settings, limited(), limited(TWICE)) == [0, 2]


def test_what_is_given_back_counts_for_the_next_plan() -> None:
    settings = read()
    first = settings.chooser_for(limited(TWICE))
    assert first is not None
    assert first.rules[0].claim()
    second = settings.chooser_for(limited(TWICE))
    first.rules[0].uncount()
    assert second is not None
    assert second.rules[0].limit is first.rules[0].limit
    assert [second.rules[0].claim() for _ in range(3)] == [True, True, False]


def test_a_plan_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("\ufeff " + LATE + "}")
    assert faults(read(PLAN=f"file:{path}")) == ["latency", "latency"]
    assert faults(read(PLAN=f" file://{path} ")) == ["latency", "latency"]
    given = {"FAULTLAYER_PLAN": f"file:{path}.none", "FAULTLAYER_LATENCY": "1s"}
    assert not read_environment(given, files=False).problems


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_plan_in_a_file_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    """Windows PowerShell writes UTF-16 unless it is told otherwise."""
    path = tmp_path / "plan.json"
    path.write_bytes((LATE + ',"seed":"\xe9"}\r\n').encode(encoding))
    settings = read(PLAN=f"file:{path}\n")
    assert faults(settings) == ["latency", "latency"]
    assert settings.merged(settings.plan).seed == "\xe9"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file"),
        (b"", "is empty"),
        (b"\xff{}", "is not text in UTF-8 or UTF-16"),
        ("{}".encode("utf-16")[:-1], "is not text in UTF-8 or UTF-16"),
        (b"{\n  x}", "is not JSON: line 2, column 3: expecting property name"),
        (b"{" * 300_000, "longer than 256 KB"),
        (b"[" * 200_000, "nested too deeply"),
        (b"[]", "is not a JSON object"),
    ],
)
def test_a_file_that_is_no_plan_stops_all(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "hunter2.json"
    if content is not None:
        path.write_bytes(content)
    settings = read(PLAN=f"file:{path}", LATENCY="1s")
    message = the_problem(settings)[1]
    assert said in message
    assert message.endswith("nothing is injected")
    assert "hunter2" not in message
    assert settings.chooser is None


@pytest.mark.parametrize("name", ["relative.json", "", "/dev/zero", "/", "/nul\0", "/tmp/é\udcff"])
def test_paths_that_hold_no_plan(name: str) -> None:
    assert "nothing is injected" in the_problem(read(PLAN="file:" + name, LATENCY="1s"))[1]


def test_a_pipe_does_not_hold_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is empty" in the_problem(read(PLAN=f"file:{tmp_path}/pipe"))[1]


@pytest.mark.parametrize(
    ("variables", "plan", "named"),
    [
        ({"END": "2031-01-01T00:00Z"}, '{"start":"2032-01-01T00:00Z"}', "END"),
        ({"START": "2033-01-01T00:00Z"}, '{"end":"2032-01-01T00:00Z"}', "START"),
        ({}, '{"start":"2033-01-01T00:00Z","end":"2032-01-01T00:00Z"}', "PLAN"),
    ],
)
def test_a_window_of_both_that_ends_before_it_starts(
    variables: dict[str, str], plan: str, named: str
) -> None:
    settings = read(LATENCY="1s", PLAN=plan, **variables)
    variable, message = the_problem(settings)
    assert variable == PREFIX + named
    assert "nothing is injected" in message
    assert settings.chooser is None


def test_another_plan_can_take_the_place_of_the_first() -> None:
    settings = read(LATENCY="1s", SEED="7")
    later = plan.read(LATE + "}")
    chooser = settings.chooser_for(later)
    assert chooser is not None
    assert [rule.draw_name for rule in chooser.rules] == ["latency", "latency#2", "latency#3"]
    assert settings.chooser_for(plan.read('{"disabled":true}')) is None
    assert settings.chooser_for(plan.read("nonsense")) is None
    assert settings.chooser_for(None) is not None


# -- what is observed -------------------------------------------------------------------------


def test_observing_alone_puts_the_proxy_in_the_path_and_hits_nothing() -> None:
    settings = read(OBSERVE="hosts")
    assert settings.is_armed
    assert settings.chooser is not None
    assert settings.chooser.observes("hosts")
    assert not settings.chooser.rule_set.hits
    assert settings.chooser.decide(b"", b"") is None
    assert read(OBSERVE="").chooser is None
    assert read(OBSERVE="", LATENCY="1s").problems == []


@pytest.mark.parametrize(
    "more",
    [
        {"DISABLED": "true"},
        {"END": "2020-01-01T00:00:00Z"},
        {"PLAN": '{"disabled":true}'},
        {"PLAN": "{"},
    ],
    ids=lambda more: ",".join(more.values()),
)
def test_what_stops_all_faults_stops_observing_too(more: dict[str, str]) -> None:
    assert read(OBSERVE="hosts", **more).chooser is None


def test_before_the_start_nothing_is_observed() -> None:
    settings = read(OBSERVE="hosts", START="2999-01-01T00:00:00Z")
    assert settings.chooser is not None
    assert not settings.chooser.observes("hosts")


def test_a_plan_can_observe_and_its_mistake_there_stops_no_rule() -> None:
    settings = read(PLAN='{"observe":["hosts"]}')
    assert settings.chooser is not None
    assert settings.chooser.observes("hosts")
    wrong = read(PLAN=LATE + ',"observe":"s3"}')
    assert [problem.message for problem in wrong.problems] == [
        "observe is wrong in entry 1: it is not one of hosts; "
        "allowed: a list, with commas, of: hosts"
    ]
    assert wrong.chooser is not None
    assert wrong.chooser.rule_set.hits
    assert not wrong.chooser.observes("hosts")
