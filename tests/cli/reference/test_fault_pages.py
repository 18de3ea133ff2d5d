"""The heads of fault pages."""

from __future__ import annotations

from cli_support import ROOT

from faultlayer.faults import all_faults


def test_the_head_of_a_page_has_every_name_of_every_option():
    for fault in all_faults():
        text = (ROOT / "docs" / "faults" / f"{fault.name}.md").read_text()
        for variable, option in fault.variables().items():
            assert f"- `{variable}` (flag `--" in text
            assert f"in a plan `{option.name}`)" in text
