"""The matrix of docs/runtimes.md: every scenario in every language."""

from __future__ import annotations

import pytest

from runtimes.scenarios import SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_runtime(example, scenario):
    SCENARIOS[scenario](example)
