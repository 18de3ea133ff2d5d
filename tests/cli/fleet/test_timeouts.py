"""What attach says beforehand of faults that a function's timeout makes another thing of."""

from __future__ import annotations

import pytest

from faultlayer_cli.aws.account import function
from faultlayer_cli.fleet.change import Change
from faultlayer_cli.fleet.timeouts import doubts

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"


def change(name: str = "orders", timeout: int | None = 3, **faults: str) -> Change:
    """An attach to a function with this timeout (seconds), the variables without their prefix."""
    told = {"FunctionName": name, "FunctionArn": ARN, "Timeout": timeout}
    variables = {f"FAULTLAYER_{fault}": text for fault, text in faults.items()}
    return Change(function(told), (), variables)


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        (
            {"LATENCY": "3s"},
            "orders: FAULTLAYER_LATENCY is as long as the function's timeout of 3 s",
        ),
        (
            {"LATENCY": "5s", "LATENCY_WHEN": "after"},
            "longer than the function's timeout of 3 s: every invocation that is hit will time out",
        ),
        ({"TIMEOUT": "5s"}, "the margin is longer than the function's timeout of 3 s"),
        ({"LATENCY": "100ms..4s"}, "some invocations that are hit will time out"),
        ({"TIMEOUT": "3s"}, "orders: FAULTLAYER_TIMEOUT leaves no time"),
        (
            {"PLAN": '{"faults":[{"fault":"latency","delay":"9s"}]}'},
            "FAULTLAYER_LATENCY is longer than",
        ),
    ],
)
def test_what_is_longer_than_the_timeout(faults: dict[str, str], said: str) -> None:
    (line,) = doubts([change(**faults)])
    assert said in line


@pytest.mark.parametrize(
    "faults",
    [{"LATENCY": "2900ms"}, {"TIMEOUT": "0"}, {"TIMEOUT": "2s"}, {"EXCEPTION": "E"}, {}],
)
def test_what_is_not(faults: dict[str, str]) -> None:
    assert doubts([change(**faults)]) == []


def test_where_the_timeout_is_not_told() -> None:
    assert doubts([change(timeout=None, LATENCY="5s")]) == []


def test_many_functions_are_one_line() -> None:
    changes = [change(f"f{number}", LATENCY="5s") for number in range(280)]
    (line,) = doubts([*changes, change("long", 60, LATENCY="5s")])
    assert line.startswith("f0, f1, f2 and 277 more: FAULTLAYER_LATENCY")
