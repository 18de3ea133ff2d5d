"""Makes `faultlayer` importable from the checkout."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

EXTENSION = str(Path(__file__).resolve().parents[2] / "extension")
if EXTENSION not in sys.path:
    sys.path.insert(0, EXTENSION)

from fakes.settled import Injections, injections  # noqa: E402
from unit.environment.processes_support import spawn  # noqa: E402

__all__ = ["injections", "spawn"]


@pytest.fixture(autouse=True)
def settled_once(injections: Injections) -> None:
    """No injection is settled twice."""
