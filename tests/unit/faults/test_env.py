"""ENV: what may be changed, and what is refused with what is allowed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.faults.env import FAULT, Variables
from faultlayer.settings.variables import read_environment
from faultlayer.vocabulary.actions import SetEnvironment


def refused(text: str) -> str:
    (problem,) = read_environment({"FAULTLAYER_ENV": text}).problems
    assert problem.variable == "FAULTLAYER_ENV"
    what, _, allowed = problem.message.partition("; allowed: ")
    assert "AWS_LAMBDA_RUNTIME_API" in allowed
    assert "hunter2" not in problem.message
    return what


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("AWS_LAMBDA_RUNTIME_API", "has AWS_LAMBDA_RUNTIME_API"),
        ("AWS_LAMBDA_EXEC_WRAPPER", "has AWS_LAMBDA_EXEC_WRAPPER"),
        ("_HANDLER", "has _HANDLER"),
        ("FAULTLAYER_LATENCY", "begins with FAULTLAYER_"),
        ("FAULTLAYER_NEXT_WRAPPER", "begins with FAULTLAYER_"),
        ("faultlayer_disabled", "begins with FAULTLAYER_"),
        ("_FAULTLAYER_ADDRESS", "begins with _FAULTLAYER"),
        ("_faultlayer_api", "begins with _FAULTLAYER"),
        ("PPID", "has PPID, which some shells do not deliver"),
        ("PIPESTATUS", "has PIPESTATUS"),
        ("PWD", "has PWD"),
        ("PS4", "has PS4"),
        ("UID", "has UID"),
        ("OPTIND", "has OPTIND"),
        ("_", "has _,"),
        ("BASH_VERSINFO", "begins with BASH"),
        ("BASH_ENV", "begins with BASH"),
        ("", "no name of a variable"),
        ("A-B", "no name of a variable"),
        ("1A", "no name of a variable"),
        ("A B", "no name of a variable"),
        ("A=B", "no name of a variable"),
        ("É", "no name of a variable"),
        ("A\n", "no name of a variable"),
        ("$(hunter2)", "no name of a variable"),
    ],
)
@pytest.mark.parametrize("value", ["hunter2", None])
def test_what_must_not_be_changed_is_named(name: str, why: str, value: str | None) -> None:
    assert why in refused(json.dumps({name: value}))
    assert why in refused(json.dumps({"GOOD": "hunter2", name: value}))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"A":5}', "neither text nor null"),
        ('{"A":true}', "neither text nor null"),
        ('{"A":["hunter2"]}', "neither text nor null"),
        ('{"A":{"hunter2":"b"}}', "neither text nor null"),
        ('{"A":"hunter2\\u0000"}', "NUL"),
        ('{"A":"hunter2\\ud800"}', "UTF-8"),
        ('{"A":"hunter2","A":null}', "more than once"),
        ("{}", "at least one"),
        ("[]", "not a JSON object"),
        ('"hunter2"', "not a JSON object"),
        ("hunter2=5", "not JSON"),
        ('{"A":"%s"}' % ("x" * 32768), "longer than 32 KB"),
        ('{"A":"%s"}' % ("é" * 16384), "longer than 32 KB"),
    ],
    ids=range(13),
)
def test_what_no_variable_can_hold_is_refused(text: str, why: str) -> None:
    assert why in refused(text)


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)


@given(st.dictionaries(st.one_of(names, st.text(max_size=9)), st.text(max_size=9) | st.none()))
def test_what_is_taken_can_be_published(variables: dict[str, str | None]) -> None:
    """Whatever is not refused is a name and a text that the kernel takes."""
    try:
        taken = Variables().parse(json.dumps(variables))
    except ValueError:
        return
    for name, text in taken.items():
        assert name.isascii()
        assert name.isidentifier()
        assert "\0" not in (text or "").encode().decode()


def test_the_log_line_names_variables_and_holds_none_of_their_texts() -> None:
    chooser = read_environment(
        {"FAULTLAYER_ENV": '{"TABLE":"hunter2","TOKEN":null,"EMPTY":""}'}
    ).chooser
    assert chooser is not None
    (hit,) = chooser.begin()
    assert isinstance(hit.action, SetEnvironment)
    assert hit.action.numbers == {"set": ["TABLE", "EMPTY"], "unset": ["TOKEN"]}
    assert hit.rule.fault is FAULT
