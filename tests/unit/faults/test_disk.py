"""DISK: what is refused, and what a dry run tells."""

from __future__ import annotations

import pytest

from fakes.holding import MB, hold, refusal

ALLOWED = (
    "; allowed: a size from 1KB to 10GB such as 100MB, or free: and a size that is to be left, "
    "such as free:10MB"
)


@pytest.mark.parametrize("text", ["10TB", "11GB", "0", "-1MB", "free:1TB", "free:11GB", "half"])
def test_what_is_refused_at_start(text: str) -> None:
    assert refusal("disk", text).endswith(ALLOWED)


def test_a_dry_run_tells_how_much() -> None:
    assert hold("disk", "2MB").numbers == {"size": 2 * MB}
    assert hold("disk", "free:3MB").numbers == {"left": 3 * MB}
