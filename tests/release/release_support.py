"""What the tests of the release share beside fixtures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
EPOCH = 1_750_000_000  # the time of everything that the tests write


def lacks(reason: str) -> NoReturn:
    """Skip the test for this reason; fail it on CI, which would else hide it for ever."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
