"""The command that goes on after an interrupt: what was typed, for the functions that are left."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from faultlayer_cli.commands.again import command_line
from faultlayer_cli.commands.attach import attach
from faultlayer_cli.commands.stop import stop

LEFT = ["orders-2", "orders-3"]


@pytest.mark.parametrize(
    ("typed", "options"),
    [
        (["orders-*", "--status", "503"], ["--status", "503"]),
        (
            ["--tag", "team=a", "--latency=300ms", "--latency-rate", "20%", "-y", "--for", "2h"],
            ["--for", "2h", "--yes", "--latency", "300ms", "--latency-rate", "20%"],
        ),
        (["--stack", "s", "--no-wait", "--pace", "30"], ["--no-wait", "--pace", "30"]),
        (
            ["a", "--region", "eu-west-1", "--status", "503", "--body", "it's late"],
            None,
        ),
    ],
)
def test_attach(typed: list[str], options: list[str] | None) -> None:
    if options is None:
        typed = ["a", "--region", "eu-west-1", "--exception", "it's late"]
        options = ["--region", "eu-west-1", "--exception", "it's late"]
    with attach.make_context("attach", list(typed)):
        said = shlex.split(command_line(LEFT))
    assert said[:4] == ["faultlayer", "attach", *LEFT]
    rest = said[4:]
    assert sorted(rest) == sorted(options)
    with attach.make_context("attach", said[2:]) as context:  # it can be typed
        assert context.params["functions"] == tuple(LEFT)


def test_a_plan_is_named_as_it_was_typed(tmp_path: Path) -> None:
    plan = tmp_path / "my plan.yaml"
    plan.write_text("faults: [{fault: status, code: 503}]")
    with attach.make_context("attach", ["a", "--plan", str(plan)]):
        assert command_line(LEFT).endswith(f"--plan '{plan}'")


def test_the_same_command_again() -> None:
    typed = ["orders-*", "--detach", "--region", "eu-west-1"]
    with stop.make_context("stop", list(typed)):
        said = command_line()
    assert said == "faultlayer stop 'orders-*' --detach --region eu-west-1"
