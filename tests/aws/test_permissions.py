"""The table behind docs/iam.md: what each command is seen to call is what its policy allows."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from aws_support import Aws, Cli, Make, layer_zip
from aws_wire import Call

from faultlayer_cli.aws import permissions
from faultlayer_cli.reference import pages

PAGE = Path(__file__).parents[2] / "docs" / "iam.md"
TEMPLATE = {
    "Resources": {
        "Orders": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "orders-stack",
                "Runtime": "python3.12",
                "Handler": "app.handler",
                "Role": "arn:aws:iam::123456789012:role/functions",
                "Code": {"ZipFile": "def handler(event, context): return event"},
            },
        }
    }
}
PATTERN = "names with a pattern such as 'orders-*'"
CHANGED = "without --dry-run"
FOUND = "without --layer-arn"
NAMED, UNNAMED = permissions.NAMED, permissions.UNNAMED
ARMED, FOREVER = permissions.ARMED, permissions.FOREVER
EVERYWHERE, LISTED = permissions.EVERYWHERE, permissions.LISTED
REGIONS = "account:ListRegions"
FREE = "sts:GetCallerIdentity"  # AWS asks for no permission
LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:faultlayer-x86_64:1"


class Case(NamedTuple):
    """A command as typed, the cases of the table that it is, and whether ours is on already.

    In the case ARMED it was on when a version was published.
    """

    typed: Sequence[str]
    cases: Sequence[str]
    attached: bool = True
    code: int = 0
    denied: str = ""  # an action that the caller has no permission for

    @property
    def command(self) -> str:
        return self.typed[0]


CASES = [
    Case(["attach", "orders", "--status", "503"], [CHANGED, FOUND], False),
    Case(
        ["attach", "orders", "--status", "503", "--layer-arn", LAYER, "--yes"],
        [CHANGED, "--layer-arn"],
    ),
    Case(["attach", "orders", "--status", "503", "--dry-run"], [FOUND], False),
    Case(
        ["attach", "orders", "--status", "503", "--forever", "--yes"],
        [CHANGED, FOUND, FOREVER],
        False,
    ),
    Case(["detach", "orders"], [CHANGED]),
    Case(["detach", "orders"], [CHANGED, ARMED], code=1),
    Case(["detach", "orders", "--dry-run"], []),
    Case(["status"], [UNNAMED]),
    Case(["status", "orders"], [NAMED]),
    Case(["status"], [UNNAMED, ARMED], code=1),
    Case(["status", "orders"], [NAMED, ARMED], code=1),
    Case(["status", "--all-regions"], [UNNAMED, EVERYWHERE]),
    Case(["status", "--all-regions"], [UNNAMED, EVERYWHERE, LISTED], denied=REGIONS),
    Case(["stop"], [CHANGED, UNNAMED]),
    Case(["stop"], [CHANGED, UNNAMED, ARMED], code=1),
    Case(["stop", "--all-regions"], [CHANGED, UNNAMED, EVERYWHERE]),
    Case(["stop", "--all-regions"], [CHANGED, UNNAMED, EVERYWHERE, LISTED], denied=REGIONS),
    Case(["stop", "orders"], [CHANGED, NAMED]),
    Case(["stop", "orders"], [CHANGED, NAMED, ARMED], code=1),
    Case(["stop", "--detach"], [CHANGED, UNNAMED]),
    Case(["stop", "orders", "--detach"], [CHANGED, NAMED]),
    Case(["stop", "orders", "--dry-run"], [NAMED]),
    Case(["report", "--log-group", "/aws/lambda/orders"], []),
    Case(["report", "--function", "orders"], [permissions.SELECTED]),
]
LIVE = [name for name in permissions.COMMANDS if "--" in name]  # see test_permissions_live.py
SELECTIONS = {
    PATTERN: ["orders*"],
    "--tag": ["--tag", "team=orders"],
    "--stack": ["--stack", "shop"],
}
SELECTED = [
    (name, Case([case.typed[0], *selection, *case.typed[2:]], case.cases, case.attached))
    for case in CASES
    if case.typed[1:2] == ["orders"] and ARMED not in case.cases
    for name, selection in SELECTIONS.items()
]


@pytest.fixture
def zip_file(tmp_path: Path) -> Path:
    path = tmp_path / "layer.zip"
    path.write_bytes(layer_zip("arm64"))
    return path


def arrange(aws: Aws, make: Make, attached: bool) -> None:
    """A function alone or of a stack, with other layers and maybe ours."""
    ours, other = aws.ours(), aws.layer("other")
    assert ours == LAYER
    make("orders", tags={"team": "orders"}, layers=[other])
    aws.client("logs").create_log_group(logGroupName="/aws/lambda/orders")
    aws.client("cloudformation").create_stack(StackName="shop", TemplateBody=json.dumps(TEMPLATE))
    if attached:
        for name in ("orders", "orders-stack"):
            aws.client("lambda").update_function_configuration(
                FunctionName=name,
                Layers=[other, ours],
                Environment={
                    "Variables": {
                        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/faultlayer-wrapper",
                        "FAULTLAYER_LATENCY": "1s",
                    }
                },
            )


def agree(
    calls: Sequence[Call],
    command: str,
    cases: Sequence[str],
    selection: str = "",
    more: Sequence[permissions.Permission] = (),
) -> None:
    """The calls are those of the table, on resources that it names."""
    wanted = (*permissions.COMMANDS[command], *permissions.SELECTIONS.get(selection, ()), *more)
    calls = [call for call in calls if call.action != FREE]
    assert {call.action for call in calls} == permissions.called(wanted, *cases)
    for call in calls:
        resources = {each.resource for each in wanted if each.action == call.action}
        here = f"arn:aws:lambda:{call.region}:123456789012"
        kinds = (f"function:{call.subject}", f"layer:{call.subject}", f"layer:{call.subject}:1")
        stack = f"arn:aws:cloudformation:{call.region}:123456789012:stack/{call.subject}/id"
        logs = f"arn:aws:logs:{call.region}:123456789012:log-group:{call.subject}"
        parameter = f"arn:aws:ssm:{call.region}:123456789012:parameter{call.subject}"
        inside = f"arn:aws:appconfig:{call.region}:123456789012:application/id/any/{call.subject}"
        arns = [f"{here}:{kind}" for kind in kinds] + [stack, logs, parameter, inside]
        assert any(fnmatch.fnmatchcase(arn, one) for arn in arns for one in resources), call


def test_publish(aws: Aws, cli: Cli, zip_file: Path):
    for case in ("it is not there yet", "the content is there already"):
        with aws.front.recorded() as calls:
            assert cli("publish", "--zip", zip_file).code == 0
        agree(calls, "publish", [case])


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case.typed))
def test_the_other_commands(aws: Aws, make: Make, cli: Cli, case: Case):
    arrange(aws, make, case.attached)
    if ARMED in case.cases:
        aws.publish("orders")
    if case.denied:
        aws.front.deny(case.denied)
    with aws.front.recorded() as calls:
        said = cli(*case.typed)
    assert said.code == case.code, said
    agree(calls, case.command, case.cases)


@pytest.mark.parametrize(
    ("selection", "case"), SELECTED, ids=[" ".join(case.typed) for _, case in SELECTED]
)
def test_selections(aws: Aws, make: Make, cli: Cli, selection: str, case: Case):
    arrange(aws, make, case.attached)
    yes = ["--yes"] if case.command in ("attach", "detach") else []
    with aws.front.recorded() as calls:
        said = cli(*case.typed, *yes)
    assert said.code == 0, said
    agree(calls, case.command, case.cases, selection)


def test_every_case_of_the_table_is_tried():
    tried = {(case.command, one) for case in CASES for one in case.cases}
    for command, wanted in permissions.COMMANDS.items():
        for each in wanted:
            if each.when and not each.implied and command not in ("publish", *LIVE):
                assert (command, each.when) in tried
    assert set(SELECTIONS) == set(permissions.SELECTIONS)


@pytest.mark.parametrize("command", [name for name in permissions.COMMANDS if name not in LIVE])
def test_without_a_permission_it_says_which(
    aws: Aws, make: Make, cli: Cli, zip_file: Path, command: str
):
    """Each action that is called is missed, one after the other, and named to the user.

    What it can go on without comes last: that changes the function.
    """
    arrange(aws, make, attached=command != "attach")
    typed = {
        "publish": ["publish", "--zip", str(zip_file)],
        "attach": ["attach", "orders", "--status", "503"],
        "report": ["report", "--function", "orders"],
    }.get(command, [command, "orders"])
    cases = [CHANGED, FOUND, NAMED, "it is not there yet", "--function"]
    before = aws.configuration("orders")["RevisionId"]
    wanted = [p for p in permissions.COMMANDS[command] if p.when in ("", *cases) and not p.implied]
    for each in sorted(wanted, key=lambda each: bool(each.denied)):
        aws.front.deny(each.action)
        said = cli(*typed)
        aws.front.allow(each.action)
        assert said.code == (1 if each.denied in ("", permissions.DOUBT) else 0), said
        assert each.denied == permissions.NO_ALIAS or each.action in said.out + said.err
        assert each.denied or aws.configuration("orders")["RevisionId"] == before


@pytest.mark.parametrize(
    "wanted",
    [
        *permissions.COMMANDS.values(),
        *permissions.SELECTIONS.values(),
        *permissions.LIVE.values(),
        *permissions.READ_LIVE.values(),
        *permissions.KMS.values(),
    ],
)
def test_policies_are_whole(wanted: Sequence[permissions.Permission]):
    """What IAM would take, and every permission of the table is in it."""
    found = json.loads(permissions.policy(wanted))
    assert found["Version"] == "2012-10-17"
    allowed = set()
    for statement in found["Statement"]:
        assert statement["Effect"] == "Allow"
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert "*" not in action
            resources = statement["Resource"]
            for resource in [resources] if isinstance(resources, str) else resources:
                allowed.add((action, resource))
    for each in wanted:
        resources = [resource for action, resource in allowed if action == each.action]
        assert any(fnmatch.fnmatchcase(each.resource, resource) for resource in resources)


def test_the_page_says_what_the_table_says():
    text = PAGE.read_text()
    assert pages.render(text, PAGE.parents[1]) == text
    for command in permissions.COMMANDS:
        assert f"## `faultlayer {command}`" in text
