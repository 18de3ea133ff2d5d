"""CPU under the real emulator: the processor time that is left to the function."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from rie.held import Run, soon

WORK = 1.0  # seconds by the clock that the handler computes


@pytest.fixture
def one_processor(held: Run) -> Iterator[None]:
    """Everything that is started from here on runs on one processor, as in a small function."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.measures
@pytest.mark.usefixtures("one_processor")
def test_the_function_gets_the_share_that_others_leave_and_then_all_again(held: Run) -> None:
    function = held(timeout=30, FAULTLAYER_CPU="7")
    function.ask()
    told = function.ask(hit=1, work=WORK)
    assert told["burdens"] == 7
    assert told["worked"] < 0.4 * WORK, "an eighth, where the scheduler is fair"
    assert soon(lambda: not function.burdens())
    assert function.ask()["burdens"] == 0
    line = function.injected()["cpu"]
    assert line["cores"] == 7
