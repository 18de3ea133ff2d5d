"""Generated parts in pages: they say what the code says, and `--check` notices if not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cli_support import ROOT

from faultlayer_cli.errors import Failure, Mistake
from faultlayer_cli.reference import pages

PAGE = """# Title

before
<!-- reference:faults:begin -->
stale
<!-- reference:faults:end -->
between
<!-- reference:globals:begin -->
<!-- reference:globals:end -->
after
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout as far as pages go, with one stale page."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (tmp_path / ".importlinter").symlink_to(ROOT / ".importlinter")
    for folder in ("cli", "extension"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (tmp_path / "README.md").write_text(PAGE)
    return tmp_path


def check(root: Path) -> int:
    return pages.run(["--check", "--root", str(root)])


def write(root: Path) -> int:
    return pages.run(["--write", "--root", str(root)])


def test_the_pages_of_this_checkout_say_what_the_code_says():
    assert pages.differences(ROOT) == []


def test_writing_ends_the_drift(root: Path, capsys: pytest.CaptureFixture[str]):
    assert check(root) == 1
    assert "-stale" in capsys.readouterr().out
    page = root / "README.md"
    assert page.read_text() == PAGE
    assert write(root) == 0
    assert check(root) == 0
    text = page.read_text()
    assert "stale" not in text
    assert [line in text.splitlines() for line in ("before", "between", "after")] == [True] * 3
    assert write(root) == 0
    assert page.read_text() == text


def test_a_fault_without_a_page_gets_one(root: Path):
    write(root)
    page = root / "docs" / "faults" / "latency.md"
    page.unlink()
    assert check(root) == 1
    assert write(root) == 0
    assert "FAULTLAYER_LATENCY_WHEN" in page.read_text()
    assert check(root) == 0


def test_a_schema_that_differs_is_written_whole(root: Path):
    write(root)
    path = root / "docs" / "plan.schema.json"
    path.write_text("{}")
    assert check(root) == 1
    assert write(root) == 0
    assert json.loads(path.read_text())["title"] == "faultlayer plan"


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("", "no part is asked for"),
        (PAGE.replace("globals", "none"), "no part is called none"),
        (PAGE + PAGE, "faults must stand once"),
        (PAGE.replace("faults:begin", "faults:end"), "faults must stand once, begin before end"),
        (PAGE.replace("faults:end", "globals:begin", 1), "globals must stand once"),
        (PAGE.partition("<!-- reference:globals:end")[0], "the end of globals is missing"),
    ],
)
def test_a_page_with_wrong_markers_is_refused(page: str, message: str):
    with pytest.raises(Mistake, match=message):
        pages.render(page, ROOT)


def test_a_mistake_names_the_page(root: Path):
    (root / "README.md").write_text(PAGE + PAGE)
    with pytest.raises(Mistake, match=r"README\.md: the markers"):
        check(root)


def test_a_page_that_cannot_be_read(root: Path):
    (root / "README.md").unlink()
    with pytest.raises(Failure, match="cannot read"):
        check(root)
