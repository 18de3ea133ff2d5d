"""CPU: what is refused."""

from __future__ import annotations

import pytest

from fakes.holding import refusal

ALLOWED = "; allowed: a whole number from 1 to 32"


@pytest.mark.parametrize("text", ["1000", "33", "0", "-1", "1.5", "all", "50%"])
def test_what_is_refused_at_start(text: str) -> None:
    assert refusal("cpu", text).endswith(ALLOWED)
