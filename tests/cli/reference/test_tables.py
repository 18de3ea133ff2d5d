"""The README's tables say what the registry says, and `--check` notices when they do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_support import ROOT

from faultlayer.registry import GLOBALS, all_faults
from faultlayer_cli.errors import Failure, Mistake
from faultlayer_cli.reference import tables

PAGE = """# Title

before
<!-- reference:faults:begin -->
stale
<!-- reference:faults:end -->
between
<!-- reference:globals:begin -->
<!-- reference:globals:end -->
<!-- reference:plan:begin -->
<!-- reference:plan:end -->
after
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "PAGE.md"
    path.write_text(PAGE)
    return path


def test_writing_ends_the_drift(page: Path, capsys: pytest.CaptureFixture[str]):
    assert tables.run(["--check", str(page)]) == 1
    assert "-stale" in capsys.readouterr().out
    assert page.read_text() == PAGE
    assert tables.run(["--write", str(page)]) == 0
    assert tables.run(["--check", str(page)]) == 0
    text = page.read_text()
    assert "stale" not in text
    assert [line in text.splitlines() for line in ("before", "between", "after")] == [True] * 3
    written = page.read_text()
    assert tables.run(["--write", str(page)]) == 0
    assert page.read_text() == written


def test_every_variable_is_in_a_table(page: Path):
    text = tables.render(PAGE)
    for fault in all_faults():
        for option in (fault.main, *fault.options):
            (name,) = (name for name, found in fault.variables().items() if found is option)
            assert f"| `{name}` |" in text
    for option in GLOBALS:
        assert f"| `FAULTLAYER_{option.name}` |" in text
    assert "`FAULTLAYER_<FAULT>_RATE`" in text


def test_every_row_has_as_many_cells_as_the_head():
    for line in tables.faults() + tables.common():
        assert line.replace("\\|", "").count("|") == 5, line


@pytest.mark.parametrize("text", ["", PAGE.replace(":begin", ""), PAGE + PAGE, PAGE[::-1]])
def test_a_page_without_the_markers_is_refused(text: str):
    with pytest.raises(Mistake, match="reference:faults:begin"):
        tables.render(text)


def test_a_page_that_is_not_there(tmp_path: Path):
    with pytest.raises(Failure, match="cannot read"):
        tables.run(["--check", str(tmp_path / "none.md")])


def test_the_readme_has_the_markers():
    tables.render((ROOT / "README.md").read_text())


def test_the_schema_is_written_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "plan.schema.json"
    assert tables.run(["--check", str(path)]) == 1
    assert not path.exists()
    assert tables.run(["--write", str(path)]) == 0
    assert tables.run(["--check", str(path)]) == 0
    assert json.loads(path.read_text())["title"] == "faultlayer plan"
