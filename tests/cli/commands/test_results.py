"""What attach, detach and stop say at their end: an exit code, a line for what was not done."""

from __future__ import annotations

import pytest

from faultlayer_cli.commands import results
from faultlayer_cli.fleet.rollout import Outcome, Result


def of(*outcomes: Outcome) -> list[Result]:
    return [Result(f"f{at}", outcome, "because") for at, outcome in enumerate(outcomes)]


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ((), 0),
        ((Outcome.CHANGED, Outcome.UNCHANGED, Outcome.PLANNED), 0),
        ((Outcome.REFUSED, Outcome.UNCHANGED), 2),
        ((Outcome.UNKNOWN,), 2),
        ((Outcome.CHANGED, Outcome.REFUSED), 1),
        ((Outcome.FAILED,), 1),
        ((Outcome.INTERRUPTED, Outcome.UNCHANGED), 1),
    ],
)
def test_the_exit_code_says_whether_something_was_changed(
    outcomes: tuple[Outcome, ...], code: int
) -> None:
    assert results.code(of(*outcomes)) == code


def test_each_that_was_not_changed_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    results.failed(of(Outcome.CHANGED, Outcome.REFUSED, Outcome.FAILED))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "faultlayer: f1: refused: because",
        "faultlayer: f2: failed: because",
    ]


def test_equal_reasons_are_one_line_that_names_all(capsys: pytest.CaptureFixture[str]) -> None:
    found = [
        Result(
            f"orders-{at}", Outcome.FAILED, f"UpdateFunctionConfiguration function orders-{at}: no"
        )
        for at in range(12)
    ]
    results.failed([*found, Result("users", Outcome.FAILED, "another")])
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(
        "faultlayer: 12 functions: failed: UpdateFunctionConfiguration function NAME: no: "
        "orders-0, orders-1, "
    )
    assert first.endswith(", orders-11")
    assert second == "faultlayer: users: failed: another"


def test_many_functions_are_few_rows(capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"orders-{at}" for at in range(280)]
    found = [Result(name, Outcome.UNCHANGED) for name in names]
    found[7] = Result("orders-7", Outcome.UNCHANGED, "has no layer")
    results.table(found)
    results.summary("eu-west-1", found)
    results.differences(found)
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 3 + 2
    assert "and 269 more" in said.out
    assert said.err == "faultlayer: eu-west-1: 280 unchanged\n"
