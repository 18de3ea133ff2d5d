"""A second attach over armed faults: it shows what it would end, and asks."""

from __future__ import annotations

import pytest
from aws_support import Aws, Cli, Make

TWO = ("--latency", "300ms", "--latency-rate", "20%", "--status", "503", "--for", "2h")


def test_armed_faults_are_replaced_on_the_users_word(
    aws: Aws, make: Make, cli: Cli, layer: str
) -> None:
    make("orders")
    assert cli("attach", "orders", *TWO).code == 0  # there is nothing to end yet
    before = aws.configuration("orders")
    other = ("attach", "orders", "--status", "503", "--exception", "no")
    for typed in (None, "", "y\n", "1\n"):
        said = cli(*other, input=typed)
        assert said.code == 2, said
        assert "not confirmed; nothing was changed" in said.err
        assert "--yes" in said.err
        assert aws.configuration("orders") == before
    until = "(in 2 h)"
    shown = [line for line in said.lines if "orders: " in line and until in line]
    assert len(shown) == 2
    assert "20% of the invocations by latency 300ms, until " in shown[0]
    assert "all invocations by status 503, until " in shown[1]
    assert [line.endswith("(it stays)") for line in shown] == [False, True]
    said = cli(*other, "--dry-run")
    assert said.code == 0
    assert "by latency 300ms, until " in said.err
    assert aws.configuration("orders") == before
    assert cli(*other, input="yes\n").code == 0
    assert "FAULTLAYER_LATENCY" not in aws.variables("orders")
    assert cli("attach", "orders", *TWO, "--yes").code == 0
    assert "FAULTLAYER_EXCEPTION" not in aws.variables("orders")


def test_a_fault_that_is_only_logged_from_now_on_does_not_stay(
    aws: Aws, make: Make, cli: Cli, layer: str
) -> None:
    make("orders")
    assert cli("attach", "orders", *TWO).code == 0
    said = cli("attach", "orders", "--status", "503", "--log-only")
    assert said.code == 2
    assert "all invocations by status 503, until " in said.err
    assert "(it stays)" not in said.err


@pytest.mark.parametrize(
    "armed",
    [
        {"FAULTLAYER_STATUS": "503", "FAULTLAYER_DISABLED": "true"},
        {"FAULTLAYER_STATUS": "503", "FAULTLAYER_DRY_RUN": "true"},
        {"FAULTLAYER_STATUS": "503", "FAULTLAYER_END": "2020-01-01T00:00:00Z"},
        {"FAULTLAYER_PLAN": "ssm:/chaos/orders", "FAULTLAYER_DISABLED": "true"},
        {},
    ],
    ids=["stopped", "dry run", "over", "stopped plan", "idle"],
)
def test_faults_that_inject_nothing_are_replaced_without_a_question(
    aws: Aws, make: Make, cli: Cli, layer: str, armed: dict[str, str]
) -> None:
    wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/faultlayer-wrapper"}
    make("orders", layers=[layer], variables=wrapper | armed)
    assert cli("attach", "orders", "--latency", "1s").code == 0


def test_a_live_plan_is_given_up_on_the_users_word_too(
    aws: Aws, make: Make, cli: Cli, layer: str
) -> None:
    wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/faultlayer-wrapper"}
    make("orders", layers=[layer], variables=wrapper | {"FAULTLAYER_PLAN": "ssm:/chaos/orders"})
    said = cli("attach", "orders", "--latency", "1s")
    assert said.code == 2
    assert "orders: as the live plan says (ssm:/chaos/orders)" in said.err


def test_many_functions_share_a_line(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    for name in "abcde":
        make(name)
    cli("attach", "a", "b", "c", "d", "--status", "503", "--yes")
    said = cli("attach", "?", "--latency", "1s", input="5\n")
    assert said.code == 0, said
    (line,) = [line for line in said.lines if "by status 503" in line]
    assert "a, b, c and 1 more: all invocations by status 503, until " in line
