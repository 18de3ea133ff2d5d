"""The two kinds of error, which scripts tell apart by exit code."""

from __future__ import annotations

import click
import pytest

from faultlayer_cli import main
from faultlayer_cli.errors import Failure, Mistake


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (Failure("the disk is full"), 1, ["faultlayer: the disk is full"]),
        (Mistake("--tag is empty"), 2, ["faultlayer: --tag is empty"]),
        (Failure("one\ntwo"), 1, ["faultlayer: one", "faultlayer: two"]),
        (OSError(28, "No space left on device"), 1, None),
        (KeyboardInterrupt(), 1, ["faultlayer: interrupted"]),
        (click.Abort(), 1, ["faultlayer: interrupted"]),
        (click.UsageError("no such\noption"), 2, ["faultlayer: no such option"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_is_a_line_on_standard_error_and_never_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    lines: list[str] | None,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(main.commands, "main", fail)
    assert main.run([]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == (lines or [f"faultlayer: {error}"])
