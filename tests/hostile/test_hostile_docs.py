"""docs/hostile.md promises what tests show, and leaves out none of this folder's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/hostile.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "::" in line]
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE)


@pytest.mark.parametrize(("path", "name"), NAMED, ids=lambda text: text.rpartition("/")[2])
def test_a_test_that_the_page_names_exists(path: str, name: str) -> None:
    assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE)


def test_every_row_says_a_condition_an_outcome_and_a_test() -> None:
    assert len(ROWS) > 30
    for row in ROWS:
        condition, outcome, tests = (cell.strip() for cell in row.strip("|").split("|"))
        assert condition and outcome
        assert re.fullmatch(r"`tests/[^`]+`(, `tests/[^`]+`)*", tests)


def test_no_test_of_this_folder_is_left_out() -> None:
    defined = {
        name
        for path in Path(__file__).parent.glob("test_*.py")
        if path != Path(__file__)
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE)
    }
    assert defined - {name for _, name in NAMED} == set()
