"""Limits for the duration of tests: none can hold up the run.

pytest-timeout fails a test that is late, and prints the stack of every thread. It cannot end a test
whose main thread does not come back from C, nor fixtures that hang when they are torn down after a
failure: it stops watching then. For these the process prints its stacks and ends.
"""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Generator

import pytest

# In seconds, with the fixtures that a test is the first to need. Far above what any takes: these
# are for what hangs, on a machine that does much else.
QUICK = 300
WHOLE = 900  # those that compile, or fetch images
NIGHTLY = 1800
TEARDOWN = 300
GRACE = 60  # for pytest-timeout, before the process ends itself


def limit(item: pytest.Item) -> float:
    """The test's limit (seconds): from its `timeout` mark, or its kind."""
    own = item.get_closest_marker("timeout")
    if own is not None:
        return float(own.args[0])
    if item.get_closest_marker("nightly"):
        return NIGHTLY
    return WHOLE if item.get_closest_marker("whole") else QUICK


class TimeLimits:
    """A plugin of pytest that limits tests, and ends late processes."""

    def __init__(self) -> None:
        self.stderr = os.dup(2)  # as it is before pytest captures it

    @pytest.hookimpl(trylast=True)  # the marks of the tests' kinds come first
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            item.add_marker(pytest.mark.timeout(limit(item)))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._end_after(limit(item) + GRACE)
        try:
            return (yield)
        finally:
            faulthandler.cancel_dump_traceback_later()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        self._end_after(TEARDOWN + GRACE)
        return (yield)

    def _end_after(self, seconds: float) -> None:
        faulthandler.dump_traceback_later(seconds, file=self.stderr, exit=True)
