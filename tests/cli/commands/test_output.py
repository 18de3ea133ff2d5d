"""Tables and JSON of every command."""

from __future__ import annotations

import json

import pytest

from faultlayer_cli.commands import output


def test_in_a_pipe_no_line_of_a_table_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 300
    output.table(("function", "outcome"), [("orders", output.Cell("changed", "green")), (long, "")])
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.split() == ["function", "outcome"]
    assert second.split() == ["orders", "changed"]
    assert third == long, "without blanks at its end"


def test_json_is_for_people_too(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"a": [1, "\u00e9"]})
    said = capsys.readouterr().out
    assert json.loads(said) == {"a": [1, "\u00e9"]}
    assert said.count("\n") > 3
