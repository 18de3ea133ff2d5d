"""Sources of a live plan in trouble: the last good plan stays, and no event waits."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from fakes import agents
from fakes.agents import Agent, AppConfigAgent, SsmAgent
from fakes.proxied import Extension, Logged, soon, start
from fakes.runtime import Runtime
from fakes.runtime_api import RuntimeApi
from fakes.turns import PAYLOAD
from faultlayer.wire import loopback_get as agent_module
from proxy.proxied_live import ARMED, DISARMED, Serve, becomes, pass_polls, status

# -- troubles ---------------------------------------------------------------------------------

TROUBLES = {
    "refused": (agents.says(agents.answered(403, b"hunter2")), "answers 403"),
    "broken": (agents.says(agents.answered(502, b"hunter2")), "answers 502"),
    "unready": (agents.not_ready, "is not ready yet"),
    "silent": (agents.silent, "took longer than 0.3 s"),
    "late": (agents.late(5, agents.answered(200, b"{}")), "took longer than 0.3 s"),
    "dripping": (agents.dripping, "took longer than 0.3 s"),
    "reset": (agents.reset, "cannot be asked: Connection reset by peer"),
    "cut": (agents.cut, "does not answer in HTTP"),
    "closed": (lambda conn: None, "does not answer in HTTP"),
    "no http": (agents.says(b"hunter2\r\n\r\n"), "does not answer in HTTP"),
    "large": (agents.says(agents.answered(200, b" " * 600_000)), "is longer than"),
    "large head": (agents.says(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000), "not answer in HTTP"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_a_source_in_trouble_keeps_the_last_good_plan_and_says_so_once(
    api: RuntimeApi,
    agent: Agent,
    serve: Serve,
    logged: Logged,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setattr(agent_module, "TOTAL", 0.3)
    address = serve(agent)
    agent.document = ARMED
    assert becomes(api, address, 503)
    trouble, said = TROUBLES[name]
    before = len(agent.asked)
    agent.document, agent.trouble = DISARMED, trouble
    statuses = pass_polls(api, address, 16)
    assert statuses.count(503) > 5
    assert set(statuses[1:]) == {503}
    assert len(agent.asked) >= before + 2, "it is asked again"
    agent.trouble = None
    assert becomes(api, address, 200)
    lines = [line for line in logged() if line["event"].startswith("plan_")]
    assert [line["event"] for line in lines][-2:] == ["plan_failed", "plan_loaded"]
    (failed,) = [line for line in lines if line["event"] == "plan_failed"]
    assert failed["level"] == "warn"
    assert failed["kind"] == agent.kind
    assert said in failed["message"]
    assert failed["message"].endswith("; the last good plan stays")
    assert "hunter2" not in failed["message"]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("hunter2", "is not JSON"),
        ("", "is empty"),
        ("[]", "is not a JSON object"),
        (" " * 262_145, "is longer than 256 KB"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "nested too deeply"),
        ('{"faults":[],"rate":"hunter2"}', "rate is "),
        ('{"fautls":[]}', "fautls is not a field of a plan"),
        ('{"start":"2027-01-31T17:00Z","end":"2026-01-31T17:00Z"}', "end is not after start"),
        ('{"end":"2021-01-01T00:00Z"}', "leaves no time between"),
        ('{"faultlayer":{"enabled":1},"a":{"enabled":true}}', "faultlayer.enabled is neither"),
    ],
    ids=lambda value: value[:20],
)
def test_nonsense_keeps_the_last_good_plan(
    api: RuntimeApi, agent: Agent, serve: Serve, logged: Logged, document: str, said: str
) -> None:
    address = serve(agent, START="2021-06-01T00:00Z")
    agent.document = ARMED
    assert becomes(api, address, 503)
    agent.document = document
    assert set(pass_polls(api, address)) == {503}
    agent.document = ARMED
    assert set(pass_polls(api, address)) == {503}
    lines = [line for line in logged() if line["event"] != "fault_injected"]
    events = [line["event"] for line in lines if line.get("rules") != 0]
    assert events == ["plan_loaded", "plan_failed", "plan_loaded"]
    (failed,) = [line for line in lines if line["event"] == "plan_failed"]
    assert said in failed["message"]
    assert "hunter2" not in failed["message"]


def test_an_agent_that_is_down_and_comes_back(
    api: RuntimeApi, agent: Agent, serve: Serve, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "TOTAL", 0.3)
    agent.document = ARMED
    agent.close()
    address = serve(agent, LATENCY="1ms")
    assert set(pass_polls(api, address, 16)) == {200}
    agent.open()
    assert becomes(api, address, 503)
    lines = logged()
    assert [line["event"] for line in lines][:2] == ["plan_failed", "plan_loaded"], (
        "the variables' own fault does not act until the plan is known: that may be a stop"
    )
    assert lines[0]["message"].endswith("Connection refused; nothing is injected")


def test_an_agent_that_becomes_ready_is_no_trouble(
    api: RuntimeApi, serve: Serve, logged: Logged
) -> None:
    """It learns of the first invocation when we do, or a little later."""
    with SsmAgent(ARMED) as agent:
        agent.trouble = agents.not_ready
        address = serve(agent, POLL="10m")
        assert status(api, address) == 200
        assert soon(lambda: len(agent.asked) > 2)
        agent.trouble = None
        assert becomes(api, address, 503)
        assert not logged("plan_failed")


@pytest.mark.parametrize("token", ["", "another", "a\r\nb"])
def test_without_the_token_the_parameter_is_not_told(
    api: RuntimeApi, logged: Logged, token: str
) -> None:
    with SsmAgent(ARMED) as agent:
        given = {"FAULTLAYER_PLAN": agent.source, **agent.environ, "AWS_SESSION_TOKEN": token}
        address = start(api.address, given)
        assert status(api, address) == 200
        time.sleep(0.2)
        (line,) = logged("plan_failed")
        expected = "answers 401" if token == "another" else "AWS_SESSION_TOKEN is not set"
        assert expected in line["message"]
        assert len(agent.asked) == (1 if token == "another" else 0)


def test_a_chunked_answer_and_one_that_ends_with_the_connection(
    api: RuntimeApi, serve: Serve
) -> None:
    body = json.dumps(ARMED).encode()
    chunks = b"".join(b"1;x=y\r\n%c\r\n" % byte for byte in body) + b"0\r\nX: y\r\n\r\n"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    endless = b"HTTP/1.0 200 OK\r\n\r\n{}"
    with AppConfigAgent() as agent:
        address = serve(agent)
        agent.trouble = agents.says(chunked)
        assert becomes(api, address, 503)
        agent.trouble = agents.says(endless)
        assert becomes(api, address, 200)


# -- time -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["silent", "late", "dripping", "unready", "large"])
def test_no_invocation_waits_for_a_source(
    api: RuntimeApi, agent: Agent, serve: Serve, name: str
) -> None:
    """The shortest of many turns would show a wait for the source; so would the sum of all."""
    address = serve(agent, POLL="10ms")
    agent.trouble = TROUBLES[name][0]
    began = time.monotonic()
    with Runtime(address) as runtime:
        slowest = 0.0
        for _ in range(300):
            api.invoke()
            turn = time.monotonic()
            runtime.turn(PAYLOAD)
            slowest = max(slowest, time.monotonic() - turn)
    assert agent.asked
    assert slowest < 1.0, "a source that answers after 5 s, or never, delays no invocation"
    assert time.monotonic() - began < 10


def test_a_freeze_within_a_question_is_no_timeout(api: RuntimeApi, tmp_path: Path) -> None:
    with AppConfigAgent(ARMED) as agent:
        agent.trouble = agents.late(1, agent_reply(agent))
        given = {"FAULTLAYER_PLAN": agent.source, "FAULTLAYER_POLL": "10m", **agent.environ}
        with Extension(api.host, tmp_path, **given) as extension:
            api.wait_polls(1)
            with Runtime(extension.address) as runtime:
                api.invoke()
                runtime.turn(PAYLOAD)
                assert soon(lambda: agent.asked)
                os.kill(extension.process.pid, 19)
                time.sleep(3)
                os.kill(extension.process.pid, 18)
                assert soon(lambda: extension.log)
            assert [line["event"] for line in extension.log] == ["plan_loaded"]


def agent_reply(agent: Agent) -> bytes:
    return agents.answered(200, json.dumps(agent.document).encode())
