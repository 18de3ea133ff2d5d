"""Links that lead out of a function's folder, which a function cannot follow."""

from __future__ import annotations

from pathlib import Path

import pytest

from faultlayer_cli.running.links import leading_out, leads_out


@pytest.mark.parametrize(
    ("name", "text", "out"),
    [
        ("a", "b", False),
        ("a", "../b", True),
        ("lib/a", "../b", False),
        ("lib/a", "../../b", True),
        ("a", "lib/../../b", True),
        ("a", "..", True),
        ("a", ".", False),
        ("a", "/etc/hosts", False),
    ],
)
def test_where_a_relative_one_leads(name: str, text: str, out: bool) -> None:
    assert leads_out(name, text) is out


def test_those_of_a_folder_are_named_with_where_they_lead(tmp_path: Path) -> None:
    folder = tmp_path / "function"
    (folder / "lib").mkdir(parents=True)
    (folder / "venv").mkdir()
    (folder / "venv" / "pyvenv.cfg").touch()
    (tmp_path / "secret").touch()
    for name, text in {
        "inside": "lib",
        "lib/out": "../../secret",
        "host": str(tmp_path / "secret"),
        "system": "/usr/bin/env",
        "nowhere": "/no/such/file",
        "venv/python": "../../secret",
    }.items():
        (folder / name).symlink_to(text)
    assert leading_out(folder) == [f"host -> {tmp_path}/secret", "lib/out -> ../../secret"] or (
        str(tmp_path).startswith("/tmp/") and leading_out(folder) == ["lib/out -> ../../secret"]
    ), "a function has a /tmp of its own"
