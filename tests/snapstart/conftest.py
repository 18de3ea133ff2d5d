"""What the tests of a restored environment need: an upstream that keeps the documented rules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from snapshot import SnapshotApi

from fakes.runtime_api import RuntimeApi
from fakes.scripted import Server


@pytest.fixture
def upstream() -> Iterator[Server]:
    """A server whose script the test sets."""
    with Server() as server:
        yield server
    assert not server.errors


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    """A Runtime API that keeps the documented rules."""
    with RuntimeApi() as server:
        yield server
    assert not server.errors
    assert not server.doubled


@pytest.fixture
def snapshots() -> Iterator[SnapshotApi]:
    """A Runtime API that takes snapshots."""
    with SnapshotApi() as server:
        yield server
    assert not server.errors
    assert not server.doubled
    assert not server.refused
