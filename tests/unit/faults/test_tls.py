"""TLS: an alert, or garbage."""

from __future__ import annotations

from unit.faults.decided import decided


def test_it_is_an_alert_or_garbage() -> None:
    assert not decided(TLS="handshake").disturbance.garbage
    assert decided(TLS="garbage").disturbance.garbage
