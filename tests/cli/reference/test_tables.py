"""Tables of faults, variables and plan fields: nothing of the registry is left out."""

from __future__ import annotations

from cli_support import ROOT

from faultlayer.faults import all_faults, fault_names
from faultlayer.vocabulary.registry import GLOBALS
from faultlayer_cli.reference import tables


def test_every_variable_is_in_a_table():
    lines = "\n".join(tables.variables())
    for fault in all_faults():
        for option in (fault.main, *fault.options):
            (name,) = (name for name, found in fault.variables().items() if found is option)
            assert f"| `{name}` |" in lines
    lines = "\n".join(tables.common())
    for option in GLOBALS:
        assert f"| `FAULTLAYER_{option.name}` |" in lines
    assert "`FAULTLAYER_<FAULT>_RATE`" in lines


def test_every_fault_has_one_line_a_page_and_a_place_in_the_site():
    lines = tables.faults("docs/faults/")
    index = (ROOT / "docs" / "faults" / "index.md").read_text().splitlines()
    assert len(lines) == 2 + len(fault_names())
    for name in fault_names():
        assert sum(f"](docs/faults/{name}.md)" in line for line in lines) == 1
        assert name in index
    found = {path.stem for path in (ROOT / "docs" / "faults").glob("*.md")} - {"index"}
    assert found == set(fault_names())


def test_every_row_has_as_many_cells_as_the_head():
    plans = tables.plan()
    for lines in (tables.variables(), tables.common(), tables.faults(""), plans):
        bars = lines[0].count("|")
        for line in lines:
            assert line.replace("\\|", "").count("|") == bars, line
