"""CONNECT: refused, or never answered."""

from __future__ import annotations

from unit.faults.decided import decided


def test_it_is_refused_or_silent() -> None:
    assert not decided(CONNECT="refuse").disturbance.silent
    assert decided(CONNECT="blackhole").disturbance.silent
    assert decided(CONNECT="refuse").hosts.show() == "*", "all but loopback and link-local"
