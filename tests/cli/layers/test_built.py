"""A checkout builds its own layer; only an installed package takes what it carries."""

from __future__ import annotations

from pathlib import Path

import pytest

from faultlayer_cli.layers import built, carried, checkout


def test_a_checkout_never_takes_a_carried_layer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checkout, "layer", lambda arch, _: Path(f"dist/{arch}"))
    monkeypatch.setattr(checkout, "layer_zip", lambda arch, _: Path(f"dist/{arch}.zip"))
    monkeypatch.setattr(carried, "archive", None)
    assert built.tree("arm64") == Path("dist/arm64")
    assert built.archive("arm64") == Path("dist/arm64.zip")
