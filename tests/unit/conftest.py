"""Makes `faultlayer` importable as in the layer, and keeps property tests steady on any machine."""

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
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("faultlayer")
