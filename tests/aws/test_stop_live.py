"""stop and live plans: every source once, beside the functions, and what is left is named."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aws_support import Aws, Cli, Make
from live_support import (
    ARMED,
    DISARMED,
    PROFILE,
    SSM,
    deploy,
    deployed,
    parameter,
    profile,
    put,
    writes,
)
from strict import UPDATE

from faultlayer_cli.plans.agents import LAYERS

WRAPPER = "/opt/faultlayer-wrapper"


@pytest.fixture
def attached(aws: Aws, make: Make) -> dict[str, str]:
    """Four functions that read three sources, all armed; the profile's ids."""
    ours = aws.ours()
    agent = {kind: aws.layer(layer) for kind, layer in LAYERS.items()}
    for name, plan in (
        ("a", f"ssm:{SSM}"),
        ("b", f"ssm:{SSM}"),
        ("c", "ssm:/chaos/users"),
        ("d", f"appconfig:{PROFILE}"),
        ("e", "file:/var/task/plan.json"),
    ):
        variables = {"AWS_LAMBDA_EXEC_WRAPPER": WRAPPER, "FAULTLAYER_PLAN": plan, "OWN": "1"}
        make(name, layers=[ours, *agent.values()], variables=variables)
    put(aws, ARMED)
    put(aws, ARMED, "/chaos/users")
    ids = profile(aws)
    deploy(aws, ids, ARMED)
    aws.front.calls.clear()
    return ids


def disabled(aws: Aws, *names: str) -> list[bool]:
    return [aws.variables(name).get("FAULTLAYER_DISABLED") == "true" for name in names]


def test_stop_disarms_every_source_once(aws: Aws, cli: Cli, attached: dict[str, str]) -> None:
    said = cli("stop")
    assert said.code == 0, said
    assert disabled(aws, *"abcde") == [True] * 5
    assert parameter(aws) == parameter(aws, "/chaos/users") == deployed(aws, attached) == DISARMED
    assert writes(aws).count("ssm:PutParameter") == 2
    assert f"appconfig:{PROFILE}" in said.out
    assert said.out.count("disarmed") == 3
    told = json.loads(cli("stop", "--json").out)
    assert told["sources"] == [
        {"source": f"ssm:{SSM}", "outcome": "unchanged"},
        {"source": "ssm:/chaos/users", "outcome": "unchanged"},
        {
            "source": f"appconfig:{PROFILE}",
            "outcome": "unchanged",
            "reason": "deployment 2 (of chaos) is BAKING",
        },
    ]


def test_stop_and_detach_disarms_too(aws: Aws, cli: Cli, attached: dict[str, str]) -> None:
    assert cli("stop", "--detach").code == 0
    assert [aws.variables(name) for name in "abcde"] == [{"OWN": "1"}] * 5
    assert parameter(aws) == parameter(aws, "/chaos/users") == deployed(aws, attached) == DISARMED


@pytest.mark.parametrize("more", [[], ["--detach"]])
def test_stop_of_named_functions_leaves_what_others_may_read(
    aws: Aws, cli: Cli, attached: dict[str, str], more: list[str]
) -> None:
    said = cli("stop", "a", "b", *more)
    assert (said.code, writes(aws)) == (0, [])
    (line,) = [line for line in said.lines if "stays as it is" in line]
    assert line == (
        f"faultlayer: ssm:{SSM} stays as it is, since other functions may read it: "
        f"`faultlayer disarm --ssm {SSM}` disarms it"
    )
    assert disabled(aws, *"abc") == [not more, not more, False]
    assert parameter(aws) == json.loads(ARMED)


def test_it_goes_on_and_says_what_is_left(aws: Aws, cli: Cli, attached: dict[str, str]) -> None:
    aws.front.deny("ssm:PutParameter", SSM)
    aws.front.deny(UPDATE, "c")
    said = cli("stop")
    assert said.code == 1
    assert disabled(aws, *"abcde") == [True, True, False, True, True]
    assert parameter(aws) == json.loads(ARMED)
    assert parameter(aws, "/chaos/users") == deployed(aws, attached) == DISARMED
    left = [line for line in said.lines if "failed: " in line]
    assert [line.split(": failed")[0] for line in left] == [
        "faultlayer: c",
        f"faultlayer: ssm:{SSM}",
    ]


def test_a_source_that_is_left_is_exit_code_1(aws: Aws, cli: Cli, attached: dict[str, str]) -> None:
    aws.front.deny("appconfig:ListApplications")
    said = cli("stop", "--json")
    assert said.code == 1
    told = json.loads(said.out)["sources"]
    assert [one["outcome"] for one in told] == ["disarmed", "disarmed", "failed"]
    assert "appconfig:ListApplications" in said.err
    assert disabled(aws, *"abcde") == [True] * 5


def test_sources_that_cannot_be_written_from_here(aws: Aws, make: Make, cli: Cli) -> None:
    ours, far = aws.ours(), "ssm:arn:aws:ssm:eu-west-1:1:parameter/x"
    make("gone", layers=[ours], variables={"FAULTLAYER_PLAN": "ssm:/not/there"})
    make("far", layers=[ours], variables={"FAULTLAYER_PLAN": far})
    said = cli("stop")
    assert said.code == 1
    assert disabled(aws, "gone", "far") == [True, True]
    left = [line for line in said.lines if "failed: " in line]
    assert len(left) == 1
    assert "is not a parameter's name" in left[0]
    assert parameter(aws, "/not/there") is None


def test_status_tells_where_a_plan_comes_from(aws: Aws, cli: Cli, attached: dict[str, str]) -> None:
    told = {one["function"]: one for one in json.loads(cli("status", "--json").out)["functions"]}
    assert {name: (one["state"], one["source"]) for name, one in told.items()} == {
        "a": ("live", f"ssm:{SSM}"),
        "b": ("live", f"ssm:{SSM}"),
        "c": ("live", "ssm:/chaos/users"),
        "d": ("live", f"appconfig:{PROFILE}"),
        "e": ("live", "file:/var/task/plan.json"),
    }
    assert {name: one["plan"] and one["plan"]["state"] for name, one in told.items()} == {
        "a": "armed",
        "b": "armed",
        "c": "armed",
        "d": "armed",
        "e": None,
    }
    reads = [call.subject for call in aws.front.calls if call.action == "ssm:GetParameter"]
    assert sorted(reads) == [SSM, "/chaos/users"]  # each plan once
    said = cli("status", "a").out
    assert f"plan=ssm:{SSM}" in said
    assert "its plan is armed: all invocations by status 500, without an end" in said
    cli("disarm", "--ssm", SSM)
    assert "its plan is disabled" in cli("status", "a").out
    aws.client("ssm").delete_parameter(Name=SSM)
    assert "its plan is not there" in cli("status", "a").out
    assert "cannot be read from here" in cli("status", "e").out


def test_a_function_that_cannot_read_its_plan(
    aws: Aws, make: Make, cli: Cli, tmp_path: Path
) -> None:
    ours, other = aws.ours(), aws.layer("AWS-AppConfig-Extension-Arm64")
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": WRAPPER, "FAULTLAYER_PLAN": f"ssm:{SSM}"}
    make("orders", layers=[ours, other], variables=variables)
    make("image", image=True, variables=variables)
    put(aws, ARMED)
    aws.publish("orders")
    told = json.loads(cli("status", "--json").out)
    assert [one["state"] for one in told["functions"]] == ["not read", "live"]
    assert "AWS-Parameters-and-Secrets-Lambda-Extension" in told["functions"][0]["notes"][0]
    assert "not read" in told["versions"][0]["faults"]
    assert "not read" in cli("status", "orders").out
    plan = tmp_path / "plan.json"
    plan.write_text(ARMED)
    said = cli("arm", plan, "--ssm", SSM, "--dry-run")
    (line,) = [line for line in said.lines if "cannot read it" in line]
    assert line.endswith("cannot read it: orders, orders:1")
    over = variables | {"FAULTLAYER_END": "2020-01-01T00:00:00Z"}
    aws.set_variables("orders", **over)
    assert json.loads(cli("status", "--json").out)["functions"][0]["state"] == "over"


@pytest.mark.parametrize(
    ("plan", "layer"),
    [(f"ssm:{SSM}", LAYERS["ssm"]), (f"appconfig:{PROFILE}", LAYERS["appconfig"])],
)
def test_attach_warns_if_no_agent_reads_the_plan(
    aws: Aws, make: Make, cli: Cli, plan: str, layer: str
) -> None:
    aws.ours()
    for name in ("a", "b"):
        make(name)
    make("has", layers=[aws.layer(layer)])
    said = cli("attach", "a", "b", "has", "--plan", plan, "--dry-run")
    (line,) = [line for line in said.lines if "through which" in line]
    assert line.startswith(f"faultlayer: a, b: no layer {layer}, through which {plan} is read")
    said = cli("attach", "a", "--plan", plan)
    assert said.code == 0
    assert "through which" in said.lines[1]  # before anything is changed
    assert f"nothing is injected in a: {plan} is not read without" in said.lines[-1]
    said = cli("attach", "has", "--plan", plan)
    assert "through which" not in said.err
    assert "are hit as the live plan says" in said.lines[-1]
    assert "through which" not in cli("attach", "b", "--plan", "file:/var/task/p.json").err


def test_interrupted_while_waiting_for_a_deployment(
    aws: Aws, command: Callable[..., subprocess.Popen[str]], attached: dict[str, str]
) -> None:
    """The functions and the other sources are stopped, and what is not certain is named."""
    aws.front.stores.path = ["DEPLOYING"]
    reached = threading.Event()
    aws.front.before("appconfig:GetDeployment", reached.set)
    process = command("stop", "--json")
    assert reached.wait(30)
    wait_until(lambda: all(disabled(aws, *"abcde")))
    time.sleep(0.5)  # nothing is left to do but to wait
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 1
    told = json.loads(out)["sources"]
    assert [one["outcome"] for one in told] == ["disarmed", "disarmed", "failed"]
    assert "failed: interrupted while waiting for AWS" in err
    assert "Traceback" not in err


def test_interrupted_while_functions_are_changed(
    aws: Aws, command: Callable[..., subprocess.Popen[str]], attached: dict[str, str]
) -> None:
    """One interrupt is enough: a deployment that never ends is not waited for afterwards."""
    aws.front.stores.path = ["DEPLOYING"]
    deploying, changing = threading.Event(), threading.Event()

    def slowly() -> None:
        changing.set()
        time.sleep(2)

    aws.front.before("appconfig:GetDeployment", deploying.set)
    aws.front.before("lambda:UpdateFunctionConfiguration", slowly)
    process = command("stop", "--json")
    assert deploying.wait(30)
    assert changing.wait(30)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "failed" in [one["outcome"] for one in json.loads(out)["sources"]]
    assert "interrupted while waiting for AWS" in err
    assert "Traceback" not in err


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_dry_run_says_all_of_it_and_stops_nothing(
    aws: Aws, cli: Cli, attached: dict[str, str]
) -> None:
    with aws.front.recorded() as calls:
        said = cli("stop", "--dry-run")
    assert said.code == 0, said
    assert not [call for call in calls if call.action in (UPDATE, "ssm:PutParameter")]
    assert disabled(aws, *"abcde") == [False] * 5
    assert parameter(aws) == parameter(aws, "/chaos/users") == json.loads(ARMED)
    assert deployed(aws, attached) == json.loads(ARMED)
    assert said.out.count("would change") == 5
    assert said.out.count("would disarm") == 3
    assert "nothing was stopped: --dry-run" in said.err
    told = json.loads(cli("stop", "a", "--detach", "--dry-run", "--json").out)
    (one,) = told["functions"]
    assert one["outcome"] == "would change"
    assert not [arn for arn in one["layers"] if "faultlayer" in arn]
    cli("stop")
    said = cli("stop", "--dry-run")
    assert said.code == 0, said
    assert "would" not in said.out
