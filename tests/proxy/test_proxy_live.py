"""Plans that change under invocations: armed, disarmed, broken and repaired; no event waits."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes import agents
from fakes.agents import Agent, AppConfigAgent, SsmAgent
from fakes.proxied import Address, Extension, Logged, soon, start
from fakes.runtime import NEXT, Runtime
from fakes.runtime_api import RuntimeApi
from fakes.turns import PAYLOAD, outcome
from faultlayer import agent as agent_module

FAULT = {"fault": "status", "code": 503, "when": "after"}
ARMED = {"faults": [FAULT]}
DISARMED: dict[str, Any] = {}
POLL = 0.05
PATIENCE = 1.0  # seconds until a change must have shown, on a machine that is busy

Serve = Callable[..., Address]


@pytest.fixture(params=[SsmAgent, AppConfigAgent], ids=["ssm", "appconfig"])
def agent(request: pytest.FixtureRequest) -> Iterator[Agent]:
    with request.param() as server:
        yield server
    assert not server.errors


@pytest.fixture
def serve(api: RuntimeApi) -> Serve:
    """A proxy with this agent's plan; variables as for `proxied`."""

    def begin(agent: Agent, **variables: str) -> Address:
        named = {f"FAULTLAYER_{name}": text for name, text in variables.items()}
        given = {"FAULTLAYER_PLAN": agent.source, "FAULTLAYER_POLL": "50ms", **agent.environ}
        return start(api.address, given | named)

    return begin


def status(api: RuntimeApi, address: Address) -> int:
    code: int = outcome(api, address)["statusCode"]
    return code


def becomes(api: RuntimeApi, address: Address, code: int) -> bool:
    """Whether invocations, one after the other, soon end with this status, and go on doing so."""
    if not soon(lambda: status(api, address) == code, PATIENCE):
        return False
    return all(status(api, address) == code for _ in range(3))


def pass_polls(api: RuntimeApi, address: Address, count: int = 5) -> list[int]:
    """Invocations over so many polls, and their statuses."""
    found = []
    until = time.monotonic() + count * POLL
    while time.monotonic() < until:
        found.append(status(api, address))
        time.sleep(0.005)
    return found


# -- changes ----------------------------------------------------------------------------------


def test_armed_disarmed_and_armed_again(
    api: RuntimeApi, agent: Agent, serve: Serve, logged: Logged
) -> None:
    address = serve(agent)
    assert set(pass_polls(api, address)) == {200}
    for document, code in ((ARMED, 503), (DISARMED, 200), (ARMED, 503)) * 2:
        agent.document = document
        assert becomes(api, address, code)
    agent.document = {**ARMED, "disabled": True}
    assert becomes(api, address, 200)
    loaded = logged("plan_loaded")
    assert [line["rules"] for line in loaded] == [0, 1, 0, 1, 0, 1, 0]  # ARMED twice is no change
    assert {line["kind"] for line in loaded} == {agent.kind}


def test_a_file_is_armed_disarmed_and_armed_again(
    api: RuntimeApi, logged: Logged, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    path.write_text("{}")
    address = start(api.address, {"FAULTLAYER_PLAN": f"file:{path}", "FAULTLAYER_POLL": "50ms"})
    assert set(pass_polls(api, address)) == {200}
    for document, code in ((ARMED, 503), (DISARMED, 200), (ARMED, 503)):
        path.write_text(json.dumps(document))
        assert becomes(api, address, code)
    path.unlink()
    assert set(pass_polls(api, address)) == {503}
    assert [line["rules"] for line in logged() if line["event"] == "plan_loaded"] == [1, 0, 1]


def test_from_disarm_to_the_last_injection_is_at_most_one_poll(
    api: RuntimeApi, agent: Agent, serve: Serve
) -> None:
    address = serve(agent, POLL="400ms")
    agent.document = ARMED
    assert becomes(api, address, 503)
    agent.document = DISARMED
    disarmed = last = time.monotonic()
    while time.monotonic() < disarmed + 3:
        if status(api, address) == 503:
            last = time.monotonic()
    assert last - disarmed < 0.4 + 1.0


def test_a_plan_is_asked_for_once_a_poll_and_not_without_events(
    api: RuntimeApi, agent: Agent, serve: Serve
) -> None:
    address = serve(agent, POLL="200ms")
    until = time.monotonic() + 1
    while time.monotonic() < until:
        status(api, address)
    count = len(agent.asked)
    assert 3 <= count <= 6
    gaps = [after - before for before, after in zip(agent.asked, agent.asked[1:])]
    assert min(gaps) > 0.1
    time.sleep(0.6)
    assert len(agent.asked) == count, "an environment without events asks nobody"


@pytest.mark.parametrize("kind", [SsmAgent, AppConfigAgent])
def test_who_is_asked_before_the_first_invocation(
    api: RuntimeApi, serve: Serve, kind: type[Agent]
) -> None:
    """The Parameters and Secrets extension may be called in the invoke phase only."""
    with kind(ARMED) as agent:
        address = serve(agent, POLL="10s")
        with Runtime(address) as runtime:
            runtime.wire.send(NEXT)
            asked = soon(lambda: agent.asked, 0.3)
            assert asked == (kind is AppConfigAgent)
            invoked = api.invoke()
            assert runtime.respond(runtime.wire.response(), PAYLOAD).status == 202
            # The plan that is there in time judges the first invocation, else the second.
            assert invoked.result().json["statusCode"] == (503 if asked else 200)
        assert soon(lambda: len(agent.asked) == 1)
        assert becomes(api, address, 503)


def test_after_a_restore_the_plan_is_old(api: RuntimeApi, agent: Agent, serve: Serve) -> None:
    address = serve(agent, POLL="10m")
    assert soon(lambda: status(api, address) and agent.asked)
    agent.document = ARMED
    assert set(pass_polls(api, address)) == {200}
    with Runtime(address) as runtime:
        restore = NEXT.replace(b"invocation/next", b"restore/next")
        assert runtime.ask(restore).status == 200
    assert becomes(api, address, 503)


# -- rules ------------------------------------------------------------------------------------


def test_variables_and_a_live_plan_add_up_and_the_variables_win(
    api: RuntimeApi, agent: Agent, serve: Serve, logged: Logged
) -> None:
    agent.document = {**ARMED, "dry_run": True}
    address = serve(agent, LATENCY="1ms", DRY_RUN="false")
    assert becomes(api, address, 503)
    hits = [line["fault"] for line in logged("fault_injected")]
    assert set(hits) == {"latency", "status"}


def test_max_is_not_reset_by_a_plan_that_still_has_the_rule(
    api: RuntimeApi, agent: Agent, serve: Serve
) -> None:
    limited = {**FAULT, "max": 2}
    agent.document = {"faults": [limited]}
    address = serve(agent)
    seen = pass_polls(api, address)
    for number in range(3):
        agent.document = {"faults": [limited], "seed": number}
        seen += pass_polls(api, address)
    assert seen.count(503) == 2
    agent.document = {"faults": [{**FAULT, "max": 3}]}
    assert soon(lambda: 503 in pass_polls(api, address))


def test_a_window_within_a_live_plan(api: RuntimeApi, agent: Agent, serve: Serve) -> None:
    agent.document = {**ARMED, "end": "2020-01-01T00:00:00Z"}
    address = serve(agent)
    assert set(pass_polls(api, address)) == {200}
    agent.document = {**ARMED, "start": "2020-01-01T00:00:00Z"}
    assert becomes(api, address, 503)
    agent.document = {**ARMED, "start": "2990-01-01T00:00:00Z"}
    assert becomes(api, address, 200)


def test_feature_flags(api: RuntimeApi, serve: Serve, logged: Logged) -> None:
    flag = {"enabled": True, "fault": "status", "code": 503, "when": "after", "_variant": "a"}
    with AppConfigAgent({"checkout-down": flag}) as agent:
        address = serve(agent)
        assert becomes(api, address, 503)
        agent.document = {"checkout-down": {"enabled": False}}
        assert becomes(api, address, 200)
        agent.document = {"checkout-down": flag, "faultlayer": {"enabled": False}}
        assert set(pass_polls(api, address)) == {200}
        agent.document = {"checkout-down": flag, "new-ui": {"enabled": True}}
        assert becomes(api, address, 503)
    problems = [line["message"] for line in logged("config_error")]
    assert len(problems) == 1
    assert problems[0].startswith("new-ui is a flag that no fault")


def test_a_wrong_rule_is_off_and_said_once(
    api: RuntimeApi, agent: Agent, serve: Serve, logged: Logged
) -> None:
    agent.document = {"faults": [FAULT, {"fault": "status", "code": "hunter2"}]}
    address = serve(agent)
    assert becomes(api, address, 503)
    pass_polls(api, address)
    lines = [line for line in logged() if line["event"] != "fault_injected"]
    assert [line["event"] for line in lines] == ["config_error", "plan_loaded"]
    assert lines[0]["variable"] == "FAULTLAYER_PLAN"
    assert lines[0]["message"].startswith("faults[1].code ")
    assert "hunter2" not in lines[0]["message"]


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
        ("", "is not JSON"),
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
        expected = "answers 401" if token == "another" else "no AWS_SESSION_TOKEN is set"
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


# -- the process ------------------------------------------------------------------------------


def test_with_a_live_source_the_proxy_is_always_in_the_path(
    api: RuntimeApi, agent: Agent, tmp_path: Path
) -> None:
    given = {"FAULTLAYER_PLAN": agent.source, "FAULTLAYER_POLL": "50ms", **agent.environ}
    with Extension(api.host, tmp_path, **given) as extension:
        api.wait_polls(1)
        assert status(api, extension.address) == 200
        agent.document = ARMED
        assert becomes(api, extension.address, 503)
        agent.document = json.dumps({"faults": [{"fault": "latency", "delay": 1}] * 256})
        assert becomes(api, extension.address, 200)
        assert extension.status("VmRSS") < 12 * 1024
        assert extension.status("VmHWM") < 14 * 1024


@pytest.mark.parametrize(
    "variables", [{"DISABLED": "true"}, {"END": "2020-01-01T00:00:00Z"}, {"SEED": "\udc80"}]
)
def test_where_the_variables_stop_all_there_is_no_hop(
    api: RuntimeApi, agent: Agent, tmp_path: Path, variables: dict[str, str]
) -> None:
    named = {f"FAULTLAYER_{name}": text for name, text in variables.items()}
    given = {"FAULTLAYER_PLAN": agent.source, **agent.environ, **named}
    with Extension(api.host, tmp_path, **given) as extension:
        api.wait_polls(1)
        assert not extension.path.exists()
    assert not agent.asked
