"""Machines that do not let us mount: one line that says what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from faultlayer_cli.errors import Failure
from faultlayer_cli.running import namespaces


@pytest.mark.parametrize(
    ("user", "told"), [(0, "--privileged"), (1000, "run as root, or in Docker")]
)
def test_where_namespaces_are_refused(monkeypatch: pytest.MonkeyPatch, user: int, told: str):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(namespaces, "_works", lambda command: False)
    with pytest.raises(Failure) as caught:
        namespaces.unshare_command()
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_setting_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    setting = tmp_path / "setting"
    setting.write_text("1\n")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(namespaces, "_works", lambda command: False)
    monkeypatch.setattr(namespaces, "_SETTINGS", ((str(setting), "1", "0"),))
    with pytest.raises(Failure, match=r"setting=1.*sudo sysctl .*setting=0"):
        namespaces.unshare_command()


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Failure, match="unshare is missing: install util-linux"):
        namespaces.unshare_command()


def test_without_a_process_namespace_the_plain_one_is_taken(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(namespaces, "_works", lambda command: "--pid" not in command)
    assert "--pid" not in namespaces.unshare_command()
