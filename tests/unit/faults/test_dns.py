"""DNS: each way in which a lookup fails."""

from __future__ import annotations

import pytest

from unit.faults.decided import decided


@pytest.mark.parametrize("error", ["nxdomain", "servfail", "timeout"])
def test_the_lookup_fails_so(error: str) -> None:
    action = decided(DNS=error, DNS_HOSTS="db.example.com")
    assert action.disturbance.error == error
    assert action.numbers == {"error": error}
    assert action.hosts.show() == "db.example.com"
