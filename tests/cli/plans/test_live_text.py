"""The text of a live plan, or why it is not known. Parameters and AppConfig: in tests/aws."""

from __future__ import annotations

from pathlib import Path

import pytest

from faultlayer_cli.aws.account import Account
from faultlayer_cli.errors import Failure
from faultlayer_cli.plans.live_text import read_live_plan


def no_account() -> Account:
    raise Failure("no region is set")


def test_a_file_that_is_here(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text('{"faults":[]}', encoding="utf-16")
    assert read_live_plan(f"file:{path}", no_account) == '{"faults":[]}'


def test_what_is_not_known_has_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("{")
    for source, reason in (
        (f"file:{path}", "holds no plan that can be used: is not JSON: line 1, column 2"),
        ("file:/var/task/none.json", "is the function's file, and not here; allowed: --plan"),
        (f"file:{tmp_path}", "cannot be read: Is a directory"),
        ("ssm:/chaos/orders", "no region is set"),
    ):
        with pytest.raises(Failure, match=reason):
            read_live_plan(source, no_account)
