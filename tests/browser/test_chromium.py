"""Where there is no browser, the reason says so."""

from __future__ import annotations

import pytest

from browser import chromium


def test_no_browser_names_the_package(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(chromium.Unavailable, match="apt-get install chromium-headless-shell"),
        chromium.started(),
    ):
        pass


def test_a_browser_that_does_not_start_is_quoted(monkeypatch, tmp_path):
    """As Ubuntu's chromium-browser without its snap."""
    stub = tmp_path / "chromium-browser"
    stub.write_text("#!/bin/sh\necho 'it requires the chromium snap' >&2\nexit 1\n")
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(chromium.Unavailable, match="requires the chromium snap"),
        chromium.started(),
    ):
        pass
