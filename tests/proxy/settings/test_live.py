"""Plans that change under invocations: armed, disarmed, broken and repaired; no event waits."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from fakes.agents import Agent, AppConfigAgent, SsmAgent
from fakes.proxied import Extension, Logged, soon, start
from fakes.runtime import NEXT, Runtime
from fakes.runtime_api import RuntimeApi
from fakes.turns import PAYLOAD
from proxy.proxied_live import ARMED, DISARMED, FAULT, Serve, becomes, pass_polls, status

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


def test_a_plan_whose_end_is_in_the_past_says_so(
    api: RuntimeApi, agent: Agent, serve: Serve, logged: Logged
) -> None:
    address = serve(agent)
    agent.document = {**ARMED, "end": "2020-01-01T00:00:00Z"}
    assert set(pass_polls(api, address)) == {200}
    (line,) = logged("window_over")
    assert line["message"] == "end is in the past: nothing is injected any more"


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
    gaps = [later - before for before, later in zip(agent.asked, agent.asked[1:])]
    assert min(gaps) > 0.1
    time.sleep(0.6)
    after = len(agent.asked)
    assert after <= count + 1, "one may have been under way"
    time.sleep(0.6)
    assert len(agent.asked) == after, "an environment without events asks nobody"


@pytest.mark.parametrize("kind", [SsmAgent, AppConfigAgent])
def test_who_is_asked_before_the_first_invocation(
    api: RuntimeApi, serve: Serve, logged: Logged, kind: type[Agent]
) -> None:
    """The Parameters and Secrets extension may be called in the invoke phase only."""
    with kind(ARMED) as agent:
        address = serve(agent, POLL="10s")
        with Runtime(address) as runtime:
            runtime.wire.send(NEXT)
            asked = soon(lambda: agent.asked, 0.3)
            assert asked == (kind is AppConfigAgent)
            if asked:
                assert soon(lambda: logged("plan_loaded"))
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
    assert problems[0].startswith("new-ui is a flag for which")


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
