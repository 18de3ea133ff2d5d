"""What the tests of a restored environment need: an upstream that keeps the documented rules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from snapshot import SnapshotApi

from proxy.conftest import api, upstream

__all__ = ["api", "snapshots", "upstream"]


@pytest.fixture
def snapshots() -> Iterator[SnapshotApi]:
    """A Runtime API that takes snapshots."""
    with SnapshotApi() as server:
        yield server
    assert not server.errors
    assert not server.doubled
    assert not server.refused
