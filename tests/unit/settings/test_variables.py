"""The environment as users set it, mistakes included: what works on, what is said of the rest."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faultlayer.faults import all_faults
from faultlayer.settings.variables import read_environment
from faultlayer.values.kinds import Instant, host_and_port
from faultlayer.vocabulary.registry import GLOBALS, PREFIX
from unit.settings.config_read import LATE, faults, read, the_problem

NOISE = "\x01%é;{['\"" * 600  # more than 4 KB
VARIABLES = [variable for fault in all_faults() for variable in fault.variables()]
GLOBAL_VARIABLES = [PREFIX + option.name for option in GLOBALS]


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
    assert settings.chooser is None
    assert not settings.problems


@pytest.mark.parametrize("fault", [fault.name for fault in all_faults()])
def test_an_empty_variable_of_a_fault_is_off_and_no_mistake(fault: str) -> None:
    main = fault.upper()
    settings = read(**{main: "", f"{main}_RATE": "20%", "DISABLED": "false"})
    assert settings.problems == []
    assert settings.chooser is None


@pytest.mark.parametrize("empty", ["", "\n", "\ufeff"], ids=repr)
def test_an_empty_variable_is_unset(empty: str) -> None:
    """Every variable, alone and beside a fault: templates pass empty parameters."""
    faults_ = {each: PREFIX + each.name.upper() for each in all_faults()}
    names = [PREFIX + option.name for option in GLOBALS]
    names += [name for each in faults_ for name in each.variables()]
    names += [PREFIX + "LATENCY_WEHN", PREFIX + "NONSENSE"]
    nothing = read_environment(dict.fromkeys(names, empty))
    assert (nothing.problems, nothing.chooser, nothing.stopped) == ([], None, False)
    for fault, main in faults_.items():
        alone = {main: fault.main.kind.example}
        settings = read_environment(dict.fromkeys(names, empty) | alone)
        assert (settings.problems, settings.stopped) == ([], False)
        ((found, values),), ((_, unset),) = settings.drafts, read_environment(alone).drafts
        assert found is fault
        assert values is not None
        assert unset is not None
        aside = ("body", fault.main.name)  # an empty body is a body
        assert all(values[name] == unset[name] for name in unset if name not in aside)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n\r\n"], ids=repr)
def test_a_line_break_at_the_end_belongs_to_no_variable(end: str) -> None:
    """Of the whole registry: the `|` of YAML leaves one, and $(cat file) the mark of the file."""
    globals_ = {PREFIX + option.name: option.kind.example or "1s" for option in GLOBALS}
    globals_[PREFIX + "END"] = "2999-01-31T17:00:00Z"
    globals_[PREFIX + "PLAN"] = '{"rate":0.5}'
    for fault in [None, *all_faults()]:
        options = fault.variables() if fault is not None else {}
        plain = {variable: option.kind.example for variable, option in options.items()}
        if fault is None or fault.begin is None:  # which has no effect beside a match
            plain |= globals_
        assert not read_environment(plain).problems
        assert _said(plain) == _said({name: text + end for name, text in plain.items()})
        assert _said(plain) == _said({name: "\ufeff" + text for name, text in plain.items()})


def _said(environ: dict[str, str]) -> list[object]:
    """What these variables say: problems, settings and rules as they would be shown."""
    found = read_environment(environ)
    kinds = {option.name.lower(): option.kind for option in GLOBALS}
    settings = {
        name: kinds[name].show(value)
        for name in type(found.settings).__slots__
        if (value := getattr(found.settings, name)) is not None
    }
    rules = [
        {
            option.name: option.kind.show(options[option.name])
            for option in fault.variables().values()
            if options and options[option.name] is not None
        }
        for fault, options in found.drafts
    ]
    return [[(each.variable, each.message) for each in found.problems], settings, rules]


def test_what_is_left_of_a_variable_without_its_line_break() -> None:
    assert read(LATENCY="\n", LATENCY_RATE="20%").problems == []
    assert read(LATENCY="\r\n").chooser is None
    ((_, options),) = read(STATUS="503", STATUS_BODY=" a\nb \n").drafts
    assert options is not None
    assert options["body"] == " a\nb "
    ((_, options),) = read(ENV='{"KEY":"line\\n"}\n').drafts
    assert options is not None
    assert options["variables"] == {"KEY": "line\n"}, "JSON says what it says"
    assert read(LATENCY="1s", SEED="7\n").settings.seed == "7"


def test_other_programs_variables_are_theirs() -> None:
    environ = {"PATH": "/bin", "FAULTLAYER": "x", "MY_FAULTLAYER_LATENCY": "x", "faultlayer_x": ""}
    assert not read_environment(environ).problems


# -- what works -------------------------------------------------------------------------------


def test_every_option_reaches_its_fault() -> None:
    settings = read(
        LATENCY="100ms..400ms", LATENCY_WHEN="after", LATENCY_RATE="20%", LATENCY_MAX="3"
    )
    assert not settings.problems
    assert settings.chooser is not None
    (rule,) = settings.chooser.rules
    assert (rule.options.delay, rule.options.when, rule.rate) == ((0.1, 0.4), "after", 0.2)
    assert [rule.claim() for _ in range(4)] == [True, True, True, False]


def test_an_option_not_given_has_its_default() -> None:
    settings = read(STATUS="503")
    assert settings.chooser is not None
    (rule,) = settings.chooser.rules
    assert (rule.options.code, rule.options.when, rule.rate) == (503, "before", 1.0)
    assert all(rule.claim() for _ in range(100))


def test_the_common_rate_is_a_default() -> None:
    settings = read(RATE="25%", LATENCY="1s", STATUS="503", STATUS_RATE="0.75")
    assert settings.chooser is not None
    assert {r.fault.name: r.rate for r in settings.chooser.rules} == {
        "latency": 0.25,
        "status": 0.75,
    }
    assert faults(read(RATE="0", LATENCY="1s", STATUS="503", STATUS_RATE="1")) == ["status"]


def test_the_globals_are_read() -> None:
    found = read(LATENCY="1s", PORT="1234", RUNTIME_API="127.0.0.1:9009", DRY_RUN="yes", SEED="7")
    assert (found.settings.port, found.settings.runtime_api) == (1234, ("127.0.0.1", 9009))
    assert found.chooser is not None
    assert found.chooser.dry_run
    assert not read(LATENCY="1s", DISABLED="false").problems
    assert read().settings.port == 9747
    assert read().settings.runtime_api is None


def test_all_faults_at_once_in_their_order() -> None:
    variables = {PREFIX + fault.name.upper(): fault.main.kind.example for fault in all_faults()}
    settings = read_environment(variables)
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
        ("LATENCY_MATCH", " ", "is empty; allowed: `path=value,path`"),
        ("LATENCY_MATCH", NOISE, "allowed: `path=value,path`"),
        ("STATUS_MATCH", '{"path":{"suffix":"value"}}', "equals, prefix, regex, exists, in"),
        ("latency", "1s", "FAULTLAYER_LATENCY"),
        ("NONSENSE", "1", "FAULTLAYER_STATUS"),
        ("", "1", "FAULTLAYER_STATUS"),
        ("_", "1", "FAULTLAYER_STATUS"),
        ("__INIT__", "1", "FAULTLAYER_STATUS"),
        ("ÉTAT", "1", "FAULTLAYER_STATUS"),
        ("X" * 4096, "1", "FAULTLAYER_STATUS"),
        ("LATENCY_RATE", " ", "allowed: a rate"),
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


@pytest.mark.parametrize("text", [" ", "=maybe", NOISE])
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
    assert settings.chooser is None


def test_a_seed_that_is_no_text_stops_all() -> None:
    for seed in (" ", "\udc80"):
        settings = read(SEED=seed, LATENCY="1s")
        assert "nothing is injected" in the_problem(settings)[1]
        assert settings.chooser is None


@pytest.mark.parametrize("text", [" ", "0", "65536", "http", "-1", "9747.0", NOISE])
def test_a_wrong_port_is_the_default_one(text: str) -> None:
    settings = read(PORT=text, LATENCY="1s")
    named, message = the_problem(settings)
    assert named == "FAULTLAYER_PORT"
    assert "1 to 65535" in message
    assert "nothing" not in message
    assert settings.settings.port == 9747
    assert faults(settings) == ["latency"]


# -- matching ---------------------------------------------------------------------------------


def test_the_common_match_is_a_default() -> None:
    settings = read(MATCH="a=1", LATENCY="1s", STATUS="503", STATUS_MATCH='{"b":{"exists":true}}')
    assert not settings.problems
    assert settings.chooser is not None
    shown = {r.fault.name: r.match.show() for r in settings.chooser.rules if r.match is not None}
    assert shown == {
        "latency": '{"a":{"in":["1",1]}}',
        "status": '{"b":{"exists":true}}',
    }


def test_without_a_match_everything_is_meant() -> None:
    settings = read(LATENCY="1s")
    assert settings.chooser is not None
    assert settings.chooser.rules[0].match is None


# -- the window -------------------------------------------------------------------------------


def _time(offset: float) -> str:
    return Instant().show(round(time.time() + offset))


def test_a_window_that_is_open_or_to_come_is_armed() -> None:
    for window in ({"START": _time(3600)}, {"END": _time(3600)}, {"START": _time(-9)}):
        settings = read(LATENCY="1s", **window)
        assert not settings.problems
        assert settings.chooser is not None


def test_an_end_that_has_come_is_idle_and_no_mistake() -> None:
    settings = read(LATENCY="1s", END=_time(-1))
    assert settings.chooser is None
    assert not settings.problems


@pytest.mark.parametrize("end", ["2031-01-31T17:00:00+01:00", "2031-01-31T16:00:00Z"])
def test_a_window_that_ends_before_it_starts_stops_all(end: str) -> None:
    settings = read(LATENCY="1s", START="2031-01-31T16:00:00Z", END=end)
    named, message = the_problem(settings)
    assert named == "FAULTLAYER_END"
    assert "not after FAULTLAYER_START" in message
    assert "nothing is injected" in message
    assert settings.chooser is None


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
    assert settings.settings.runtime_api is None
    assert settings.chooser is None


def test_addresses() -> None:
    assert host_and_port("127.0.0.1:9001") == ("127.0.0.1", 9001)
    assert host_and_port(" localhost:80 ") == ("localhost", 80)


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
    settings = read_environment(environ)
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
    assert read_environment({**environ, "FAULTLAYER_DISABLED": "true"}).chooser is None
