"""The environment as users set it, mistakes included: what works on, what is said of the rest."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faultlayer import config, plan
from faultlayer.config import Config
from faultlayer.registry import GLOBALS, PREFIX, all_faults
from faultlayer.values import Instant

NOISE = "\x01%é;{['\"" * 600  # more than 4 KB
VARIABLES = [variable for fault in all_faults() for variable in fault.variables()]
GLOBAL_VARIABLES = [PREFIX + option.name for option in GLOBALS]


def read(**variables: str) -> Config:
    """The configuration of these variables, given without their prefix."""
    return config.read({PREFIX + name: text for name, text in variables.items()})


def faults(settings: Config) -> list[str]:
    """The faults that may be injected, in order."""
    return [rule.fault.name for rule in settings.aim.rules] if settings.aim else []


def the_problem(settings: Config) -> tuple[str, str]:
    assert len(settings.problems) == 1, [p.variable for p in settings.problems]
    return settings.problems[0].variable, settings.problems[0].message


# -- what is idle costs nothing ---------------------------------------------------------------


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"PORT": "9999"},
        {"SEED": "7", "RATE": "50%"},
        {"NEXT_WRAPPER": "/opt/otel-handler"},
        {"LATENCY": "1s", "DISABLED": "true"},
        {"LATENCY": "1s", "DISABLED": "1", "STATUS": "503"},
        {"LATENCY": "1s", "LATENCY_RATE": "0"},
        {"LATENCY": "1s", "LATENCY_MAX": "0"},
        {"LATENCY": "1s", "RATE": "0%"},
    ],
    ids=str,
)
def test_nothing_to_inject_leaves_the_runtime_alone(variables: dict[str, str]) -> None:
    settings = read(**variables)
    assert settings.aim is None
    assert not settings.problems


@pytest.mark.parametrize("fault", [fault.name for fault in all_faults()])
def test_an_empty_variable_of_a_fault_is_off_and_no_mistake(fault: str) -> None:
    main = fault.upper()
    settings = read(**{main: "", f"{main}_RATE": "20%", "DISABLED": "false"})
    assert settings.problems == []
    assert settings.aim is None


def test_other_programs_variables_are_theirs() -> None:
    environ = {"PATH": "/bin", "FAULTLAYER": "x", "MY_FAULTLAYER_LATENCY": "x", "faultlayer_x": ""}
    assert not config.read(environ).problems


# -- what works -------------------------------------------------------------------------------


def test_every_option_reaches_its_fault() -> None:
    settings = read(
        LATENCY="100ms..400ms", LATENCY_WHEN="after", LATENCY_RATE="20%", LATENCY_MAX="3"
    )
    assert not settings.problems
    assert settings.aim is not None
    (rule,) = settings.aim.rules
    assert (rule.options.delay, rule.options.when, rule.rate) == ((0.1, 0.4), "after", 0.2)
    assert [rule.claim() for _ in range(4)] == [True, True, True, False]


def test_an_option_not_given_has_its_default() -> None:
    settings = read(STATUS="503")
    assert settings.aim is not None
    (rule,) = settings.aim.rules
    assert (rule.options.code, rule.options.when, rule.rate) == (503, "before", 1.0)
    assert all(rule.claim() for _ in range(100))


def test_the_common_rate_is_a_default() -> None:
    settings = read(RATE="25%", LATENCY="1s", STATUS="503", STATUS_RATE="0.75")
    assert settings.aim is not None
    assert {r.fault.name: r.rate for r in settings.aim.rules} == {"latency": 0.25, "status": 0.75}
    assert faults(read(RATE="0", LATENCY="1s", STATUS="503", STATUS_RATE="1")) == ["status"]


def test_the_globals_are_read() -> None:
    settings = read(
        LATENCY="1s", PORT="1234", RUNTIME_API="127.0.0.1:9009", DRY_RUN="yes", SEED="7"
    )
    assert (settings.port, settings.upstream) == (1234, ("127.0.0.1", 9009))
    assert settings.aim is not None
    assert settings.aim.dry_run
    assert not read(LATENCY="1s", DISABLED="false").problems
    assert read().port == 9747
    assert read().upstream is None


def test_all_faults_at_once_in_their_order() -> None:
    variables = {PREFIX + fault.name.upper(): fault.main.kind.example for fault in all_faults()}
    settings = config.read(variables)
    assert not settings.problems
    assert faults(settings) == [fault.name for fault in all_faults()]


# -- bad input, line by line ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("LATENCY", "soon", "300ms"),
        ("STATUS", "999", "100 to 599"),
        ("STATUS_WHEN", "later", "before, after"),
        ("LATENCY_RATE", "120%", "0% to 100%"),
        ("LATENCY_MAX", "-1", "whole number"),
        ("LATENCYY", "1", "did you mean FAULTLAYER_LATENCY?"),
        ("LATENCY_WEHN", "after", "FAULTLAYER_LATENCY_WHEN"),
        ("LATENCY_MATCH", "", "is empty; allowed: `path=value,path`"),
        ("LATENCY_MATCH", NOISE, "allowed: `path=value,path`"),
        ("STATUS_MATCH", '{"path":{"suffix":"value"}}', "equals, prefix, regex, exists, in"),
        ("latency", "1s", "FAULTLAYER_LATENCY"),
        ("NONSENSE", "1", "FAULTLAYER_STATUS"),
        ("", "1", "FAULTLAYER_STATUS"),
        ("_", "1", "FAULTLAYER_STATUS"),
        ("__INIT__", "1", "FAULTLAYER_STATUS"),
        ("ÉTAT", "1", "FAULTLAYER_STATUS"),
        ("X" * 4096, "1", "FAULTLAYER_STATUS"),
        ("LATENCY_RATE", "", "allowed: a rate"),
        ("STATUS_WHEN", " ", "allowed: one of"),
        ("LATENCY", " ", "allowed: a duration"),
        ("LATENCY", NOISE, "300ms"),
        ("STATUS", NOISE, "100 to 599"),
        ("STATUS_HEADERS", NOISE, "JSON object"),
        ("LATENCY_RATE", NOISE, "0% to 100%"),
        ("TIMEOUT", NOISE, "a duration"),
        ("HEADERS", NOISE, "JSON object"),
        ("CORRUPTION", NOISE, "garble"),
        ("NOISE" * 800, NOISE, "FAULTLAYER_STATUS"),
    ],
    ids=lambda value: value[:20],
)
def test_a_mistake_is_named_once_and_stops_that_fault_alone(
    variable: str, text: str, said: str
) -> None:
    mains = {"LATENCY": "300ms", "STATUS": "503", "HEADERS": '{"x":"y"}', "EXCEPTION": "Oops: x"}
    without = faults(read(**mains))
    settings = read(**{**mains, variable: text})
    named, message = the_problem(settings)
    assert named == PREFIX + variable
    assert said in message
    if len(text) > 4:
        assert text.strip() not in message
        assert text not in message
    assert len(message) < 500
    assert "\n" not in message
    stem = variable.partition("_")[0].lower()
    assert faults(settings) == [name for name in without if name != stem or variable.islower()]


def test_the_main_variable_wrong_is_all_there_is_to_say() -> None:
    settings = read(LATENCY="soon", LATENCY_WHEN="after", LATENCY_RATE="20%")
    assert the_problem(settings)[0] == "FAULTLAYER_LATENCY"


def test_each_wrong_variable_is_named() -> None:
    settings = read(LATENCY="soon", LATENCY_WHEN="later", STATUS="x", TIMEOUT="500ms")
    named = [problem.variable for problem in settings.problems]
    assert sorted(named) == ["FAULTLAYER_LATENCY", "FAULTLAYER_LATENCY_WHEN", "FAULTLAYER_STATUS"]
    assert faults(settings) == ["timeout"]


def test_an_option_without_its_fault_says_so() -> None:
    named, message = the_problem(read(STATUS_WHEN="after", LATENCY="1s"))
    assert named == "FAULTLAYER_STATUS_WHEN"
    assert "FAULTLAYER_STATUS" in message.split()
    assert the_problem(read(STATUS_WHEN="later"))[1].startswith("is not one of")


@pytest.mark.parametrize("text", ["", "=maybe", NOISE])
@pytest.mark.parametrize(
    "variable",
    ["DISABLED", "RATE", "MATCH", "START", "END", "DRY_RUN", "RUNTIME_API", "PLAN"],
)
def test_what_limits_all_stops_all_where_it_is_wrong(variable: str, text: str) -> None:
    settings = read(**{variable: text, "LATENCY": "1s", "STATUS": "503", "STATUS_RATE": "1"})
    named, message = the_problem(settings)
    assert named == PREFIX + variable
    assert "nothing is injected" in message
    assert "allowed:" in message
    assert settings.aim is None


def test_a_seed_that_is_no_text_stops_all() -> None:
    for seed in ("", " ", "\udc80"):
        settings = read(SEED=seed, LATENCY="1s")
        assert "nothing is injected" in the_problem(settings)[1]
        assert settings.aim is None


@pytest.mark.parametrize("text", ["", "0", "65536", "http", "-1", "9747.0", NOISE])
def test_a_wrong_port_is_the_default_one(text: str) -> None:
    settings = read(PORT=text, LATENCY="1s")
    named, message = the_problem(settings)
    assert named == "FAULTLAYER_PORT"
    assert "1 to 65535" in message
    assert "nothing" not in message
    assert settings.port == 9747
    assert faults(settings) == ["latency"]


# -- matching ---------------------------------------------------------------------------------


def test_the_common_match_is_a_default() -> None:
    settings = read(MATCH="a=1", LATENCY="1s", STATUS="503", STATUS_MATCH='{"b":{"exists":true}}')
    assert not settings.problems
    assert settings.aim is not None
    shown = {r.fault.name: r.match.show() for r in settings.aim.rules if r.match is not None}
    assert shown == {
        "latency": '{"a":{"in":["1",1]}}',
        "status": '{"b":{"exists":true}}',
    }


def test_without_a_match_everything_is_meant() -> None:
    settings = read(LATENCY="1s")
    assert settings.aim is not None
    assert settings.aim.rules[0].match is None


# -- the window -------------------------------------------------------------------------------


def _time(offset: float) -> str:
    return Instant().show(round(time.time() + offset))


def test_a_window_that_is_open_or_to_come_is_armed() -> None:
    for window in ({"START": _time(3600)}, {"END": _time(3600)}, {"START": _time(-9)}):
        settings = read(LATENCY="1s", **window)
        assert not settings.problems
        assert settings.aim is not None


def test_an_end_that_has_come_is_idle_and_no_mistake() -> None:
    settings = read(LATENCY="1s", END=_time(-1))
    assert settings.aim is None
    assert not settings.problems


@pytest.mark.parametrize("end", ["2031-01-31T17:00:00+01:00", "2031-01-31T16:00:00Z"])
def test_a_window_that_ends_before_it_starts_stops_all(end: str) -> None:
    settings = read(LATENCY="1s", START="2031-01-31T16:00:00Z", END=end)
    named, message = the_problem(settings)
    assert named == "FAULTLAYER_END"
    assert "not after FAULTLAYER_START" in message
    assert "nothing is injected" in message
    assert settings.aim is None


# -- the plan ---------------------------------------------------------------------------------

LATE = '{"faults":[{"fault":"latency","delay":"1s","rate":0.5},{"fault":"latency","delay":"2s"}]'


def test_rules_of_variables_and_plan_add_up() -> None:
    settings = read(LATENCY="300ms", STATUS="503", PLAN=LATE + "}")
    assert not settings.problems
    assert faults(settings) == ["latency", "latency", "latency", "status"]
    assert settings.aim is not None
    assert [rule.lot for rule in settings.aim.rules] == [
        "latency",
        "latency#2",
        "latency#3",
        "status",
    ]


def test_variables_win_for_what_holds_for_all() -> None:
    plan = LATE + ',"rate":0.25,"dry_run":true,"seed":7,"disabled":true,"match":{"a":1}}'
    assert read(PLAN=plan).aim is None
    settings = read(PLAN=plan, DISABLED="false", MATCH="b", RATE="10%", DRY_RUN="0", STATUS="503")
    assert settings.aim is not None
    assert not settings.aim.dry_run
    assert [rule.rate for rule in settings.aim.rules] == [0.5, 0.1, 0.1]
    assert {rule.match.show() for rule in settings.aim.rules if rule.match} == {
        '{"b":{"exists":true}}'
    }


def test_what_a_plan_says_holds_for_the_variables_rules_too() -> None:
    settings = read(PLAN='{"rate":0.25,"match":{"a":1}}', STATUS="503")
    assert settings.aim is not None
    (rule,) = settings.aim.rules
    assert rule.rate == 0.25
    assert rule.match is not None


def test_a_wrong_rule_keeps_its_place_among_the_draws() -> None:
    plan = LATE.replace('"1s"', '"soon"') + "}"
    settings = read(PLAN=plan)
    named, message = the_problem(settings)
    assert named == "FAULTLAYER_PLAN"
    assert message.startswith("faults[0].delay is not a duration; allowed: a duration")
    assert "nothing is injected" not in message
    assert settings.aim is not None
    assert [rule.lot for rule in settings.aim.rules] == ["latency#2"]


def test_a_wrong_plan_stops_the_variables_too() -> None:
    settings = read(PLAN='{"faults":[],"rate":2}', LATENCY="1s")
    assert the_problem(settings)[1].startswith("rate is outside 0 to 1")
    assert the_problem(settings)[1].endswith("; nothing is injected")
    assert settings.aim is None


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
    assert settings.aim is None
    assert settings.aimed(plan.read("{}")) is not None
    assert config.read({"FAULTLAYER_PLAN": source}, files=False).source is None


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
    assert settings.aim is None


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
    settings = config.read({"FAULTLAYER_PLAN": source, "FAULTLAYER_LATENCY": "1s", **environ})
    variable, message = the_problem(settings)
    assert variable == "FAULTLAYER_PLAN"
    assert message.endswith("; nothing is injected")
    assert "appconfig:application/environment/profile`; nothing" in message
    assert (settings.source, settings.aim) == (None, None)


def test_how_old_a_plan_may_become() -> None:
    assert read().poll == 10
    assert read(POLL="500ms").poll == 0.5
    settings = read(POLL="soon", LATENCY="1s")
    assert the_problem(settings)[0] == "FAULTLAYER_POLL"
    assert (settings.poll, settings.aim is None) == (10, False)


# -- limits from plan to plan -----------------------------------------------------------------

TWICE = '{"fault":"latency","delay":"1s","max":2}'


def limited(*rules: str, more: str = "") -> plan.Plan:
    return plan.read('{"faults":[' + ",".join(rules) + "]" + more + "}")


def left(settings: Config, *plans: plan.Plan) -> list[int | None]:
    """What is left of the rules of the last of these plans, one injection of each claimed."""
    aim = None
    for number, each in enumerate(plans):
        aim = settings.aimed(each)
        if number == 0 and aim:
            assert all(rule.claim() for rule in aim.rules)
    assert aim is not None
    return [rule.limit and rule.limit.left for rule in aim.rules]


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
def test_a_limit_stays_with_its_rule(second: plan.Plan, expected: list[int | None]) -> None:
    assert left(read(), limited(TWICE), second) == expected


def test_a_limit_outlives_a_pause_but_not_its_rule() -> None:
    plain, off = limited(TWICE), limited(TWICE, more=',"disabled":true')
    assert left(read(), plain, off, plain) == [1]
    assert left(read(), plain, limited(), plain) == [2]


def test_a_variables_limit_outlives_all_plans() -> None:
    settings = read(LATENCY="1s", LATENCY_MAX="2", PLAN=LATE + "}")
    assert settings.aim is not None
    assert all(rule.claim() for rule in settings.aim.rules)
    assert left(settings, limited(), limited(TWICE)) == [0, 2]


def test_what_is_given_back_counts_for_the_next_plan() -> None:
    settings = read()
    first = settings.aimed(limited(TWICE))
    assert first is not None
    assert first.rules[0].claim()
    second = settings.aimed(limited(TWICE))
    first.rules[0].give_back()
    assert second is not None
    assert second.rules[0].limit is first.rules[0].limit
    assert [second.rules[0].claim() for _ in range(3)] == [True, True, False]


def test_a_plan_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("\ufeff " + LATE + "}")
    assert faults(read(PLAN=f"file:{path}")) == ["latency", "latency"]
    assert faults(read(PLAN=f" file://{path} ")) == ["latency", "latency"]
    given = {"FAULTLAYER_PLAN": f"file:{path}.none", "FAULTLAYER_LATENCY": "1s"}
    assert not config.read(given, files=False).problems


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file"),
        (b"", "is not JSON"),
        (b"\xff{}", "is not UTF-8"),
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
    assert settings.aim is None


@pytest.mark.parametrize("name", ["relative.json", "", "/dev/zero", "/", "/nul\0", "/tmp/é\udcff"])
def test_paths_that_hold_no_plan(name: str) -> None:
    assert "nothing is injected" in the_problem(read(PLAN="file:" + name, LATENCY="1s"))[1]


def test_a_pipe_does_not_hold_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is not JSON" in the_problem(read(PLAN=f"file:{tmp_path}/pipe"))[1]


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
    assert settings.aim is None


def test_another_plan_can_take_the_place_of_the_first() -> None:
    settings = read(LATENCY="1s", SEED="7")
    later = plan.read(LATE + "}")
    aim = settings.aimed(later)
    assert aim is not None
    assert [rule.lot for rule in aim.rules] == ["latency", "latency#2", "latency#3"]
    assert settings.aimed(plan.read('{"disabled":true}')) is None
    assert settings.aimed(plan.read("nonsense")) is None
    assert settings.aimed(None) is not None


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1", ":9001", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "a b:1", "é:1", "x:1²"]
    + ["x:-1", "x:" + "9" * 5000, "x\ny:1", "\udc80:1"],
)
def test_an_upstream_that_is_none(text: str) -> None:
    settings = read(RUNTIME_API=text, LATENCY="1s")
    message = the_problem(settings)[1]
    assert "allowed: host:port" in message
    assert len(message) < 120
    assert settings.upstream is None
    assert settings.aim is None


def test_addresses() -> None:
    assert config.address("127.0.0.1:9001") == ("127.0.0.1", 9001)
    assert config.address(" localhost:80 ") == ("localhost", 80)


# -- whatever is set --------------------------------------------------------------------------

NAMES = st.one_of(
    st.sampled_from(VARIABLES + GLOBAL_VARIABLES),
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_", max_size=12).map(PREFIX.__add__),
    st.text("aß_.-0 \udc80\u212a", max_size=6).map(PREFIX.__add__),
)
TEXTS = st.one_of(
    st.sampled_from(["1s", "503", "20%", "true", "after", '{"a":"b"}', "", " ", "x:1", NOISE]),
    st.sampled_from(["a.b=1", "2031-01-31T17:00:00Z", LATE + "}", LATE, "file:/", "ssm:/x"]),
    st.text('ab01%. é\udc80{"', max_size=12),
)


@given(st.dictionaries(NAMES, TEXTS, max_size=8))
@example({"FAULTLAYER_SEED": "\udc80", "FAULTLAYER_LATENCY": "1s"})
def test_no_environment_is_a_traceback_or_told_of_twice(environ: dict[str, str]) -> None:
    settings = config.read(environ)
    named = [problem.variable for problem in settings.problems]
    once = [name for name in named if name != "FAULTLAYER_PLAN"]
    assert len(once) == len(set(once))
    assert set(named) <= set(environ)
    for problem in settings.problems:
        assert problem.message.isprintable()
        assert len(problem.message) < 600
        if len(environ[problem.variable]) > 8:
            assert environ[problem.variable] not in problem.message
    wrong = {name.removeprefix(PREFIX).partition("_")[0] for name in named}
    assert not {name.upper() for name in faults(settings)} & wrong, "a fault in doubt is off"


@given(st.dictionaries(NAMES, TEXTS, max_size=8))
def test_adding_the_kill_switch_always_stops_all(environ: dict[str, str]) -> None:
    assert config.read({**environ, "FAULTLAYER_DISABLED": "true"}).aim is None
