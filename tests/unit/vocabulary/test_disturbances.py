"""Disturbances are data: each keeps what its fault decided."""

from __future__ import annotations

from faultlayer.vocabulary.disturbances import (
    BadHandshake,
    Cut,
    Late,
    Slow,
    Unreachable,
    Unresolved,
)


def test_each_keeps_its_values() -> None:
    assert Unresolved("nxdomain").error == "nxdomain"
    assert Unreachable(silent=True).silent
    assert Late(0.3).seconds == 0.3
    assert Slow(64).rate == 64
    assert Cut(0).size == 0
    assert not BadHandshake(garbage=False).garbage
