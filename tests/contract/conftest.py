"""Makes `faultlayer` importable from the checkout."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

EXTENSION = str(Path(__file__).resolve().parents[2] / "extension")
if EXTENSION not in sys.path:
    sys.path.insert(0, EXTENSION)

from fakes.settled import injections, settled  # noqa: E402

__all__ = ["injections", "settled"]


@pytest.fixture(autouse=True)
def all_settled(settled: None) -> None:
    """Every injection is settled once, whatever becomes of the runtime and of Lambda."""
