"""A plan behind the AWS Parameters and Secrets Lambda extension: its place, and its answers."""

from __future__ import annotations

import json

import pytest

from faultlayer.settings.sources import find_source
from faultlayer.settings.sources.ssm import Ssm
from faultlayer.wire import loopback_get

TOKEN = {"AWS_SESSION_TOKEN": "secret"}


def test_the_agent_is_asked_for_a_parameter_by_its_name_or_arn() -> None:
    ssm = find_source("ssm:/chaos/plan", {"PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": " 4000 "})
    assert isinstance(ssm, Ssm)
    assert (ssm._port, b"name=%2Fchaos%2Fplan&" in ssm._target) == (4000, True)
    arn = find_source("ssm:arn:aws:ssm:eu-west-1:1:parameter/x", {})
    assert isinstance(arn, Ssm)
    assert (arn._port, b"name=arn%3Aaws%3Assm" in arn._target) == (2773, True)


@pytest.mark.parametrize("name", ["", "x" * 2049])
def test_what_names_no_parameter_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="does not name a parameter"):
        find_source(f"ssm:{name}", {})


@pytest.mark.parametrize("token", ["", "with a\nline", "\u00e9"])
def test_without_the_token_nobody_is_asked(token: str) -> None:
    with pytest.raises(ValueError, match="AWS_SESSION_TOKEN is not set") as refused:
        Ssm("x", {"AWS_SESSION_TOKEN": token}).fetch()
    assert not token or token not in str(refused.value)


def answered(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    monkeypatch.setattr(loopback_get, "ask", lambda *_: answer)


def test_the_parameter_s_value_is_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, json.dumps({"Parameter": {"Value": '{"faults":[]}'}}).encode())
    assert Ssm("x", TOKEN).fetch() == '{"faults":[]}'


@pytest.mark.parametrize(
    "answer",
    [b"", b"{", b"[]", b"null", b'{"Parameter":null}', b'{"Parameter":{"Value":5}}', b"[" * 9999],
    ids=range(7),
)
def test_an_answer_without_a_parameter_is_said(
    monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    answered(monkeypatch, answer)
    with pytest.raises(ValueError, match="response holds no parameter"):
        Ssm("x", TOKEN).fetch()
