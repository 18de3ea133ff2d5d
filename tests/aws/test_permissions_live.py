"""As test_permissions, for what reads and writes live plans: arm, disarm, show, and stop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from aws_support import Aws, Cli, Make
from live_support import ARMED, PROFILE, SSM, deploy, plan_file, profile, put, writes
from test_permissions import LIVE, UNNAMED, agree

from faultlayer_cli.aws import permissions
from faultlayer_cli.plans.agents import LAYERS

WRITTEN, IN_PROGRESS = "without --dry-run", "a deployment of the plan is in progress"
PLACES = {"--ssm": SSM, "--appconfig": PROFILE}


class Case(NamedTuple):
    """A command of the table with what else is typed, and the cases that it is."""

    command: str
    more: Sequence[str] = ()
    cases: Sequence[str] = ()


CASES = [
    *(Case(f"arm {option}", ["--yes"], [WRITTEN]) for option in PLACES),
    *(Case(f"arm {option}", ["--dry-run"]) for option in PLACES),
    Case("disarm --ssm"),
    Case("disarm --appconfig"),
    Case("disarm --appconfig", [], [IN_PROGRESS]),
    *(Case(f"disarm {option}", [], [permissions.NO_PLAN]) for option in PLACES),
    Case("show --ssm"),
    Case("show --appconfig"),
    Case("explain --plan ssm:"),
    Case("explain --plan appconfig:"),
]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faultlayer_cli.plans.appconfig._POLLS", (0.01,))


@pytest.fixture
def ids(aws: Aws, make: Make) -> dict[str, str]:
    """Armed plans in both places, which a function each reads."""
    put(aws, ARMED)
    ids = profile(aws)
    deploy(aws, ids, ARMED)
    ours = aws.ours()
    for option, place in PLACES.items():
        plan = {"FAULTLAYER_PLAN": f"{option.strip('-')}:{place}"}
        make(option.strip("-"), layers=[ours], variables=plan)
    return ids


def typed(command: str, folder: Path, *more: str) -> list[str]:
    name, *_, option = command.split()
    if name == "explain":
        event = folder / "event.json"
        event.write_text("{}")
        place = PLACES["--" + option.removesuffix(":")]
        return [name, "--event", str(event), "--plan", option + place, *more]
    plan = [str(plan_file(folder))] if name == "arm" else []
    return [name, *plan, option, PLACES[option], *more]


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join([case[0], *case[1], *case[2]]))
def test_commands(aws: Aws, cli: Cli, ids: dict[str, str], tmp_path: Path, case: Case):
    if IN_PROGRESS in case.cases:
        deploy(aws, ids, ARMED, complete=False)
    if permissions.NO_PLAN in case.cases:
        put(aws, "a password")
        deploy(aws, ids, '{"db":"x"}')
    with aws.front.recorded() as calls:
        said = cli(*typed(case.command, tmp_path, *case.more))
    assert said.code == 0, said
    agree(calls, case.command, case.cases)


@pytest.mark.parametrize("place", permissions.LIVE)
def test_stop(aws: Aws, cli: Cli, ids: dict[str, str], place: str):
    gone = "appconfig" if "parameter" in place else "ssm"
    aws.client("lambda").delete_function(FunctionName=gone)
    with aws.front.recorded() as calls:
        said = cli("stop")
    assert said.code == 0, said
    agree(calls, "stop", [WRITTEN, UNNAMED], more=permissions.LIVE[place])


@pytest.mark.parametrize("place", permissions.READ_LIVE)
def test_status(aws: Aws, make: Make, cli: Cli, place: str):
    """It reads the plan, or names what it may not do and that the plan is not known."""
    kind = "ssm" if "parameter" in place else "appconfig"
    put(aws, ARMED)
    deploy(aws, profile(aws), ARMED)
    layers = [aws.ours(), aws.layer(LAYERS[kind])]
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/faultlayer-wrapper"}
    plan = f"{kind}:{PLACES['--' + kind]}"
    make("orders", layers=layers, variables=variables | {"FAULTLAYER_PLAN": plan})
    with aws.front.recorded() as calls:
        said = cli("status")
    assert said.code == 0, said
    agree(calls, "status", [UNNAMED], more=permissions.READ_LIVE[place])
    for each in permissions.READ_LIVE[place]:
        aws.front.deny(each.action)
        said = cli("status")
        aws.front.allow(each.action)
        assert (said.code, each.denied) == (1, permissions.DOUBT)
        assert each.action in said.out
        assert "its plan could not be read" in said.out


def test_every_case_of_the_table_is_tried():
    tried = {(case.command, one) for case in CASES for one in case.cases}
    assert {case.command for case in CASES} == set(LIVE)
    for command in LIVE:
        for each in permissions.COMMANDS[command]:
            assert not each.when or each.implied or (command, each.when) in tried


@pytest.mark.parametrize("command", LIVE)
def test_without_a_permission_it_says_which(
    aws: Aws, cli: Cli, ids: dict[str, str], tmp_path: Path, command: str
):
    """Each action that is called is missed: named to the user; nothing is written by the rest."""
    more = ["--yes"] if command.startswith("arm") else []
    for each in permissions.COMMANDS[command]:
        if each.implied or each.when in (IN_PROGRESS, permissions.NO_PLAN):
            continue
        aws.front.deny(each.action)
        aws.front.calls.clear()
        said = cli(*typed(command, tmp_path, *more))
        aws.front.allow(each.action)
        assert said.code == (0 if each.denied else 1), said
        assert each.denied == permissions.NO_ALIAS or each.action in said.err
        if not each.denied and each.action not in (*writes(aws), "appconfig:GetDeployment"):
            assert not writes(aws)
        put(aws, ARMED)
        aws.front.stores.complete()
        deploy(aws, ids, ARMED)
