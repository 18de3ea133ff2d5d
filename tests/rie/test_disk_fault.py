"""DISK under the real emulator: what the function finds in /tmp, and what is there afterwards."""

from __future__ import annotations

import errno
import json

import pytest

from rie.held import MB, STORAGE, Run

PAGES = 64 << 10  # bytes: the address file, and what is rounded


def test_the_function_gets_a_real_enospc_and_the_next_invocation_its_space_back(
    held: Run,
) -> None:
    function = held(FAULTLAYER_DISK="free:10MB")
    full = function.ask(hit=1, write=20)
    assert full["errno"] == errno.ENOSPC
    assert abs(full["free"] - 10 * MB) <= PAGES
    after = function.ask(write=20)
    assert "errno" not in after
    assert abs(after["free"] - STORAGE * MB) <= PAGES
    (line,) = function.lines("fault_injected")
    assert (line["fault"], line["left"]) == ("disk", 10 * MB)
    assert abs(line["held"] - (STORAGE - 10) * MB) <= PAGES
    assert function.ask(hit=1)["pid"] == full["pid"], "and the runtime is the same"


def test_so_much_is_taken(held: Run) -> None:
    function = held(FAULTLAYER_DISK="40MB")
    told = function.ask(hit=1, write=20)
    assert "errno" not in told
    assert abs(told["free"] - (STORAGE - 40) * MB) <= PAGES
    assert function.injected()["disk"]["held"] == 40 * MB


def test_the_flag_of_failure_lambda_takes_as_many_megabytes(held: Run) -> None:
    plan = {"diskspace": {"enabled": True, "percentage": 100, "disk_space": 40}}
    function = held(FAULTLAYER_PLAN=json.dumps(plan))
    assert abs(function.ask(hit=1)["free"] - (STORAGE - 40) * MB) <= PAGES
    assert abs(function.ask()["free"] - STORAGE * MB) <= PAGES, "here it is given back"


@pytest.mark.parametrize("value", ["free:100MB", "10TB", "free:20GB"])
def test_where_nothing_is_to_be_had_or_the_value_is_wrong_the_function_runs_untouched(
    held: Run,
    value: str,
) -> None:
    function = held(FAULTLAYER_DISK=value)
    for _ in range(3):
        assert abs(function.ask(hit=1)["free"] - STORAGE * MB) <= PAGES
    (line,) = function.lines()
    if value == "free:100MB":
        assert line["event"] == "fault_not_applied"
        assert line["message"] == "/tmp has no more than that free already"
    else:
        assert (line["event"], line["variable"]) == ("config_error", "FAULTLAYER_DISK")


def test_a_dry_run_takes_nothing(held: Run) -> None:
    function = held(FAULTLAYER_DISK="free:10MB", FAULTLAYER_DRY_RUN="true")
    assert abs(function.ask(hit=1)["free"] - STORAGE * MB) <= PAGES
    (line,) = function.lines()
    assert (line["event"], line["left"]) == ("fault_dry_run", 10 * MB)
