"""Each client sees with a fault what it sees if it is really so."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from clients.cases import BODY, CASES, UNTOUCHED, UNTOUCHED_TLS, Case
from clients.conftest import Calling, injected
from clients.fault_pages import documented
from clients.pages import CELL

_TRIES = 4  # an error may depend on which packet is first
KEEPERS = ("node", "java")  # their functions have pools; test_clients_hold.py has Python's
_SAME = (
    (r" ?\(_ssl\.c:\d+\)", ""),
    (r"(real|fault)-[a-z0-9-]+\.up\.test", "HOST"),
    (r"\b\d+\.\d+\.\d+\.\d+\b", "ADDRESS"),
    (r"0x[0-9a-f]+", "0x"),
    (r"\b\d{4,5}\b", "PORT"),
    (r"\d+(\.\d+)? ?(ms|milliseconds|seconds)", "TIME"),
)


def plain(error: str) -> str:
    """The error without addresses, ports and times."""
    for pattern, name in _SAME:
        error = re.sub(pattern, name, error)
    return error


@pytest.mark.parametrize("case", [UNTOUCHED, UNTOUCHED_TLS], ids=lambda case: case.name)
def test_untouched(calling: Calling, case: Case) -> None:
    all_is_well(calling, case)
    assert not calling.function.lines("fault_injected")


def all_is_well(calling: Calling, case: Case, **more: Any) -> None:
    """Each client gets all; on a machine that pauses not at once, since their limits are short."""
    for number in range(_TRIES):
        told = calling.results(case, real=False, hit=False, **more)
        errors = [got["error"] for got in told.values()]
        if not any(errors) or number == _TRIES - 1:
            assert not any(errors), told
            assert {got["bytes"] for got in told.values()} == {len(BODY)}
            return


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_client_sees_the_real_thing(
    calling: Calling, case: Case, record_property: Callable[[str, object], None]
) -> None:
    faulted: dict[str, set[str]] = {name: set() for name in calling.program.clients}
    real: dict[str, set[str]] = {name: set() for name in calling.program.clients}
    for _ in range(_TRIES):
        told = hit(calling, case)
        for client, got in told.items():
            faulted[client].add(plain(got["error"]))
            for text in documented(calling.program.title, client, case):
                assert text in got["error"], (client, got)
        # A bandwidth is shared: the first has little of it to wait for, and the last all.
        seconds = [got["seconds"] for got in told.values()]
        assert (max(seconds) if case.fault == "bandwidth" else min(seconds)) >= case.least, told
        for client, got in calling.results(case, real=True).items():
            real[client].add(plain(got["error"]))
            assert got["seconds"] >= case.least, (client, got)
        if all(faulted[client] <= real[client] for client in faulted):
            for client, errors in faulted.items():
                record_property(CELL, [client, case.title, min(errors)])
            return
    different = {c: (faulted[c], real[c]) for c in faulted if not faulted[c] <= real[c]}
    assert not different


def test_pools_lose_their_connections_when_a_host_goes_down_and_recover(calling: Calling) -> None:
    if calling.program.name not in KEEPERS:
        return
    case = next(case for case in CASES if case.title == "CONNECT=refuse")
    for _ in range(2):
        all_is_well(calling, case, kept=True)
    for client, got in hit(calling, case, kept=True).items():
        assert got["error"], client
        assert got["seconds"] < 5
    all_is_well(calling, case, kept=True)


def hit(calling: Calling, case: Case, **more: Any) -> dict[str, Any]:
    """What each client got in an invocation that was hit, as the log says, once and by its host."""
    for _ in range(_TRIES):
        request_id = str(uuid.uuid4())
        told = calling.results(case, request_id=request_id, **more)
        (line,) = injected(calling.function, request_id)
        assert line["fault"] == case.fault
        if line["event"] == "fault_injected":
            assert line["host"] == f"fault-{case.name}.up.test"
            assert ("port" in line) is (case.fault != "dns")
            return told
        # A machine that pauses for 50 ms: the shim goes on by itself.
        assert not any(got["error"] for got in told.values()), "nothing was injected"
    pytest.fail(f"not applied in {_TRIES} invocations: {line}")
