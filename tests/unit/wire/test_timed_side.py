"""The way to Lambda with a clock for its waits."""

from __future__ import annotations

from typing import Any

import pytest

from faultlayer.wire.timed_side import TimedUpstreamSide
from faultlayer.wire.upstream_side import UpstreamSide


class Clock:
    def __init__(self) -> None:
        self.told: list[str] = []

    def waits(self) -> None:
        self.told.append("waits")

    def goes_on(self) -> None:
        self.told.append("goes on")


@pytest.mark.parametrize("verb", ["send_and_peek", "wait_on"])
def test_the_clock_knows_of_each_wait_however_it_ends(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    runtime: Any = None
    pool: Any = None
    side = TimedUpstreamSide(runtime, pool, None, clock)

    def answered(self: UpstreamSide, request: bytes) -> bytes:
        clock.told.append("asked")
        if not request:
            raise OSError
        return request

    monkeypatch.setattr(UpstreamSide, verb, answered)
    assert getattr(side, verb)(b"x") == b"x"
    assert clock.told == ["waits", "asked", "goes on"]
    with pytest.raises(OSError):
        getattr(side, verb)(b"")
    assert clock.told[3:] == ["waits", "asked", "goes on"]
