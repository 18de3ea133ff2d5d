"""What the tests of the release share beside fixtures."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EPOCH = 1_750_000_000  # the time of everything that the tests write
