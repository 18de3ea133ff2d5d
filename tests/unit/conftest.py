"""Makes `faultlayer` importable from the checkout; steadies property tests."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

EXTENSION = str(Path(__file__).resolve().parents[2] / "extension")
if EXTENSION not in sys.path:
    sys.path.insert(0, EXTENSION)

settings.register_profile(
    "faultlayer",
    deadline=None,
    database=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("faultlayer")

from unit.environment.processes_support import spawn  # noqa: E402

__all__ = ["spawn"]
