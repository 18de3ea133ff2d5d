"""Makes `faultlayer` importable from the checkout."""

from __future__ import annotations

import sys
from pathlib import Path

EXTENSION = str(Path(__file__).resolve().parents[2] / "extension")
if EXTENSION not in sys.path:
    sys.path.insert(0, EXTENSION)

from unit.environment.processes_support import spawn  # noqa: E402

__all__ = ["spawn"]
