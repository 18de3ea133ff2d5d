"""A live plan in AppConfig: names and ids, deployments under way, and what cannot be written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aws_support import Aws, Cli, Make
from live_support import (
    ARMED,
    DISARMED,
    PROFILE,
    deploy,
    deployed,
    plan_file,
    profile,
    states,
    writes,
)

START, STOP = "appconfig:StartDeployment", "appconfig:StopDeployment"
CREATE = "appconfig:CreateHostedConfigurationVersion"
FLAGS = "AWS.AppConfig.FeatureFlags"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faultlayer_cli.plans.appconfig._POLLS", (0.01,))
    monkeypatch.setattr("faultlayer_cli.plans.appconfig._WAIT", 0.3)


@pytest.fixture
def ids(aws: Aws) -> dict[str, str]:
    profile(aws, "shop/test/other")  # others that must not be meant
    profile(aws, "shoes/live/chaos")
    return profile(aws)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return plan_file(tmp_path)


def typed(ids: dict[str, str]) -> str:
    return "/".join(
        ids[name] for name in ("ApplicationId", "EnvironmentId", "ConfigurationProfileId")
    )


def test_armed_shown_disarmed_by_names(aws: Aws, cli: Cli, plan: Path, ids: dict[str, str]) -> None:
    aws.front.stores.page = 1
    said = cli("arm", plan, "--appconfig", PROFILE)
    assert (said.code, said.out) == (0, f"appconfig:{PROFILE}: armed\n"), said
    assert "AppConfig agent's own interval (45 s)" in said.err
    found = deployed(aws, ids)
    assert [rule["code"] for rule in found["faults"] if "code" in rule] == [503]
    aws.front.stores.complete()
    shown = json.loads(cli("show", "--appconfig", PROFILE, "--json").out)
    assert (shown["state"], shown["plan"]) == ("armed", found)
    assert cli("disarm", "--appconfig", PROFILE).code == 0
    assert deployed(aws, ids) == DISARMED
    assert states(aws, ids) == ["COMPLETE", "BAKING"]
    said = cli("disarm", "--appconfig", PROFILE)
    assert said.out == f"appconfig:{PROFILE}: unchanged\n"
    assert writes(aws) == [CREATE, START] * 2


def test_by_ids_as_functions_name_it_either_way(
    aws: Aws, make: Make, cli: Cli, plan: Path, ids: dict[str, str]
) -> None:
    make("by-name", variables={"FAULTLAYER_PLAN": f"appconfig:{PROFILE}"})
    make("by-id", variables={"FAULTLAYER_PLAN": f"appconfig:{typed(ids)}"})
    make("another", variables={"FAULTLAYER_PLAN": "appconfig:shop/test/chaos"})
    said = cli("arm", plan, "--appconfig", typed(ids))
    assert said.code == 0, said
    assert "2 functions read" in said.err
    assert "by-name" in said.err
    assert "by-id" in said.err
    assert len(deployed(aws, ids)["faults"]) == 2


def test_dry_run_and_nothing_there_yet(aws: Aws, cli: Cli, plan: Path, ids: dict[str, str]) -> None:
    aws.front.calls.clear()
    said = cli("arm", plan, "--appconfig", PROFILE, "--dry-run")
    assert (said.code, writes(aws)) == (0, [])
    assert said.out.startswith(f"appconfig:{PROFILE}: would change\n")
    said = cli("show", "--appconfig", PROFILE)
    assert (said.code, said.err) == (
        2,
        f"faultlayer: appconfig:{PROFILE}: nothing is deployed there\n",
    )
    said = cli("disarm", "--appconfig", PROFILE)
    assert (said.code, said.out, writes(aws)) == (0, f"appconfig:{PROFILE}: not there\n", [])


def test_arm_is_refused_while_a_deployment_is_under_way(
    aws: Aws, cli: Cli, plan: Path, ids: dict[str, str]
) -> None:
    other = profile(aws, "shop/live/other")
    for one in (ids, other):
        deploy(aws, one, ARMED, complete=False)
        aws.front.calls.clear()
        said = cli("arm", plan, "--appconfig", PROFILE, "--yes")
        assert (said.code, writes(aws)) == (1, [])
        (line,) = [line for line in said.lines if "AppConfig has one at a time" in line]
        assert "nothing was written" in line
        aws.front.stores.complete()
    assert cli("arm", plan, "--appconfig", PROFILE, "--yes").code == 0


@pytest.mark.parametrize("path", [["DEPLOYING"], ["BAKING"], ["VALIDATING"]])
def test_disarm_stops_a_deployment_of_the_plan(
    aws: Aws, cli: Cli, ids: dict[str, str], path: list[str]
) -> None:
    aws.front.stores.path = path
    deploy(aws, ids, ARMED, complete=False)
    aws.front.stores.path = ["DEPLOYING", "BAKING"]
    aws.front.calls.clear()
    said = cli("disarm", "--appconfig", PROFILE)
    assert said.code == 0, said
    assert deployed(aws, ids) == DISARMED
    assert states(aws, ids) == ["ROLLED_BACK", "BAKING"]
    assert writes(aws)[:3] == [CREATE, START, STOP]


def test_disarm_waits_for_another_profiles_deployment_and_never_stops_it(
    aws: Aws, cli: Cli, ids: dict[str, str]
) -> None:
    deploy(aws, ids, ARMED)
    other = profile(aws, "shop/live/other")
    deploy(aws, other, "{}", complete=False)
    said = cli("disarm", "--appconfig", PROFILE)
    assert said.code == 1
    assert "deployment 2 (of other) is BAKING, and AppConfig has one at a time" in said.err
    assert STOP not in writes(aws)
    starts: list[int] = []

    def end() -> None:
        starts.append(1)
        if len(starts) == 3:
            aws.front.stores.complete()

    for _ in range(3):
        aws.front.before(START, end)
    assert cli("disarm", "--appconfig", PROFILE).code == 0
    assert deployed(aws, ids) == DISARMED


def test_a_deployment_that_is_taken_back(
    aws: Aws, cli: Cli, plan: Path, ids: dict[str, str]
) -> None:
    aws.front.stores.path = ["DEPLOYING", "ROLLED_BACK"]
    aws.front.stores.why = "the alarm errors is in ALARM"
    said = cli("arm", plan, "--appconfig", PROFILE)
    assert said.code == 1
    assert "is ROLLED_BACK: AppConfig took it back: the alarm errors is in ALARM" in said.err
    aws.front.stores.path = ["DEPLOYING"]
    said = cli("arm", plan, "--appconfig", PROFILE)
    assert said.code == 1
    assert "is DEPLOYING, still after 0.3 s" in said.err


def test_an_answer_that_is_lost(aws: Aws, cli: Cli, plan: Path, ids: dict[str, str]) -> None:
    """boto3 asks again, and finds a deployment in progress: its own."""
    aws.front.stores.path = ["DEPLOYING"] * 5 + ["BAKING"]
    aws.front.lose_answer(START)
    assert cli("arm", plan, "--appconfig", PROFILE).code == 0
    assert states(aws, ids) == ["BAKING"]


def test_feature_flags_are_shown_and_not_written(aws: Aws, cli: Cli, plan: Path) -> None:
    ids = profile(aws, kind=FLAGS)
    values = {"status": {"enabled": True, "code": 503}}
    deploy(aws, ids, json.dumps({"version": "1", "flags": {"status": {}}, "values": values}))
    aws.front.calls.clear()
    shown = json.loads(cli("show", "--appconfig", PROFILE, "--json").out)
    assert (shown["state"], shown["plan"]) == ("armed", values)
    for words in (["arm", plan, "--yes"], ["disarm"]):
        said = cli(*words, "--appconfig", PROFILE)
        assert (said.code, writes(aws)) == (2, [])
        assert len([line for line in said.lines if "is a profile of feature flags" in line]) == 1
    values["status"]["enabled"] = False
    deploy(aws, ids, json.dumps({"version": "1", "values": values}))
    assert cli("show", "--appconfig", PROFILE).out.startswith(f"appconfig:{PROFILE}: empty\n")


def test_a_profile_that_holds_no_text(aws: Aws, cli: Cli, plan: Path) -> None:
    profile(aws, location="ssm-parameter:///chaos/orders")
    aws.front.calls.clear()
    said = cli("arm", plan, "--appconfig", PROFILE)
    assert (said.code, writes(aws)) == (2, [])
    assert "names ssm-parameter:///chaos/orders" in said.err


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("none/live/chaos", "AppConfig's application none does not exist in eu-west-1"),
        ("shop/none/chaos", "AppConfig's environment none does not exist in eu-west-1"),
        ("shop/live/none", "AppConfig's profile none does not exist in eu-west-1"),
        ("twice/live/chaos", "several of the application twice; allowed: its id"),
        ("shop/live/", "is no profile; allowed: application/environment/profile"),
    ],
)
def test_a_place_that_cannot_be(
    aws: Aws, cli: Cli, plan: Path, ids: dict[str, str], path: str, line: str
) -> None:
    for _ in range(2):
        aws.client("appconfig").create_application(Name="twice")
    for words in (["arm", plan], ["disarm"], ["show"]):
        said = cli(*words, "--appconfig", path)
        assert (said.code, writes(aws), said.out) == (2, [], "")
        assert len([told for told in said.lines if line in told]) == 1, said
    said = cli("arm", plan, "--appconfig", PROFILE, "--advanced")
    assert (said.code, writes(aws)) == (2, [])


@pytest.mark.parametrize("action", [START, CREATE, "appconfig:ListApplications"])
def test_a_refusal_is_one_line(
    aws: Aws, cli: Cli, plan: Path, ids: dict[str, str], action: str
) -> None:
    deploy(aws, ids, ARMED)
    aws.front.deny(action)
    for words in (["arm", plan, "--yes"], ["disarm"]):
        said = cli(*words, "--appconfig", PROFILE)
        assert said.code == 1
        refused = [line for line in said.lines if "AccessDenied" in line and action in line]
        assert len(refused) == 1, said
    assert deployed(aws, ids) == json.loads(ARMED)


def test_a_version_that_was_deleted_is_disarmed_all_the_same(
    aws: Aws, cli: Cli, ids: dict[str, str]
) -> None:
    deploy(aws, ids, ARMED)
    where = {k: v for k, v in ids.items() if k != "EnvironmentId"}
    aws.client("appconfig").delete_hosted_configuration_version(VersionNumber=1, **where)
    said = cli("show", "--appconfig", PROFILE)
    assert (said.code, "is deployed, but was deleted" in said.err) == (1, True)
    assert cli("disarm", "--appconfig", PROFILE).code == 0
    assert deployed(aws, ids) == DISARMED
