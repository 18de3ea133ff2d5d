"""Plans and variables judged by a program: one line per mistake, as data."""

from __future__ import annotations

from pathlib import Path

import pytest

from faultlayer_cli.errors import Mistake
from faultlayer_cli.plans.validation import check_plan, check_variables, read_variables


def test_each_mistake_is_a_line(tmp_path: Path):
    right, wrong = tmp_path / "right.yaml", tmp_path / "wrong.yaml"
    right.write_text("faults: [{fault: status, code: 503}]\n")
    wrong.write_text("faults: [{fault: status, code: 5}, {fault: nothing}]\n")
    assert check_plan(str(right)).problems == ()
    first, second = check_plan(str(wrong)).problems
    assert first.startswith(f"{wrong}: faults[0]")
    assert second.startswith(f"{wrong}: faults[1]")


def test_variables_are_named(tmp_path: Path):
    checked = check_variables("here", {"FAULTLAYER_STATUS": "5", "FAULTLAYER_RATE": "20%"})
    assert checked.file == "here"
    (problem,) = checked.problems
    assert problem.startswith("here: FAULTLAYER_STATUS ")


@pytest.mark.parametrize("text", ["export A='1'\n# no\n\n_B=2\n", '{"A": "1", "_B": "2"}'])
def test_files_of_variables(tmp_path: Path, text: str):
    path = tmp_path / "variables"
    path.write_text(text)
    assert read_variables(str(path)) == {"A": "1", "_B": "2"}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("A B\n", "line 1 is not NAME=VALUE"),
        ('["A=1"]', "is a list in JSON; allowed: lines of NAME=VALUE as dotenv has them, or JSON"),
        ("A: 1\n", "looks like YAML; allowed: lines of NAME=VALUE"),
        ("Variables:\n  A: b\n", "looks like YAML"),
        ("# no\n- A=1\n", "looks like YAML"),
        ("{", "is not JSON: line 1, column 2"),
        ('{"A": 1}', "has A, which is not text"),
    ],
)
def test_a_file_that_is_neither(tmp_path: Path, text: str, wrong: str):
    path = tmp_path / "variables"
    path.write_text(text)
    with pytest.raises(Mistake, match=wrong):
        read_variables(str(path))
