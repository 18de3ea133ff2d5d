"""A fault looks to each client as a really bad host does."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clients.cases import BODY, CASES, UNTOUCHED, UNTOUCHED_TLS, Case, Hosts, plan
from clients.conftest import Calling, injected, running
from clients.fault_pages import documented
from clients.pages import CELL
from clients.programs import JAVA_11, NODE_JS, Program

_TRIES = 4  # an error may depend on which packet is first
KEEPERS = (NODE_JS, JAVA_11)  # their functions have pools; test_clients_hold.py has Python's
_SAME = (
    (r" ?\(_ssl\.c:\d+\)", ""),
    (r"(real|fault)-[a-z0-9-]+\.up\.test", "HOST"),
    (r"\b\d+\.\d+\.\d+\.\d+\b", "ADDRESS"),
    (r"0x[0-9a-f]+", "0x"),
    (r"\d+(\.\d+)? ?(ms|milliseconds|seconds)", "TIME"),
    (r"\b\d{4,5}\b", "PORT"),
)


# Node.js's clients say either: libuv takes a reset for an end if it comes together with the bytes
# before it, and a write may find it first.
_RESET = "Error ECONNRESET: read ECONNRESET"
_ENDED = (
    "Error ECONNRESET: aborted",  # http
    "SocketError UND_ERR_SOCKET: other side closed",  # fetch
    "Error: Connection terminated unexpectedly",  # pg
    "Error: Connection is closed.",  # ioredis
    "Error ECONNRESET: write ECONNRESET",
)


def plain(error: str) -> str:
    """The error without addresses, ports and times."""
    for pattern, name in _SAME:
        error = re.sub(pattern, name, error)
    return error


def comparable(error: str, case: Case) -> str:
    """The plain error; one word for errors that differ by chance."""
    for ended in _ENDED if case.fault == "reset" else ():
        error = error.replace(ended, _RESET)
    return plain(error)


@pytest.mark.parametrize("case", [UNTOUCHED, UNTOUCHED_TLS], ids=lambda case: case.name)
def test_untouched(calling: Calling, case: Case) -> None:
    all_is_well(calling, case)
    assert not calling.function.lines("fault_injected")


def all_is_well(calling: Calling, case: Case, *, tries: int = _TRIES, **more: Any) -> None:
    """Each client gets all, if need be at another attempt.

    The clients' limits are short, and machines pause.
    """
    for number in range(tries):
        told = calling.results(case, real=False, hit=False, **more)
        errors = [got["error"] for got in told.values()]
        if not any(errors) or number == tries - 1:
            assert not any(errors), told
            assert {got["bytes"] for got in told.values()} == {len(BODY)}
            return


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_client_sees_the_real_thing(
    calling: Calling, case: Case, record_property: Callable[[str, object], None]
) -> None:
    faulted: dict[str, set[Outcome]] = {name: set() for name in calling.program.clients}
    real: dict[str, set[Outcome]] = {name: set() for name in calling.program.clients}
    for _ in range(_TRIES):
        told = hit(calling, case)
        # A bandwidth is shared: the first has little of it to wait for, and the last all.
        shared = max(got["seconds"] for got in told.values())
        for client, got in told.items():
            waited = shared if case.fault == "bandwidth" else got["seconds"]
            faulted[client].add((comparable(got["error"], case), waited >= case.least))
            for text in documented(calling.program.title, client, case):
                others = _ENDED if _RESET in comparable(got["error"], case) else ()
                said = " ".join((got["error"], *others))
                assert text in said or not got["error"], (client, got)
        for client, got in calling.results(case, real=True).items():
            assert got["seconds"] >= case.least, (client, got)
            real[client].add((comparable(got["error"], case), True))
        if all(are_same(faulted[client], real[client]) for client in faulted):
            for client, outcomes in faulted.items():
                record_property(CELL, [client, case.title, max(outcomes)[0]])
            if case.fault == "dns":  # other lookups wait for Node.js's threads
                all_is_well(calling, UNTOUCHED, tries=12)
            return
    different = {c: (faulted[c], real[c]) for c in faulted if not are_same(faulted[c], real[c])}
    assert not different


Outcome = tuple[str, bool]  # the error, and whether it took the time that it should


def are_same(faulted: set[Outcome], real: set[Outcome]) -> bool:
    """True if the fault looked real, at least once.

    On a machine that pauses for 50 ms a shim goes on by itself, so a client may have no error.
    """
    unreal = faulted - real
    return unreal != faulted and not any(error for error, _ in unreal)


@pytest.mark.whole
@pytest.mark.xdist_group("clients-2")
@pytest.mark.parametrize("program", KEEPERS, ids=lambda program: program.name)
def test_pools_lose_their_connections_when_a_host_goes_down_and_recover(
    program: Program, hosts: Hosts, tmp_path: Path
) -> None:
    """In a function of its own, since pools try again and again."""
    with running(program, hosts, plan(len(program.clients)), tmp_path) as function:
        calling = Calling(program, function, hosts)
        case = next(case for case in CASES if case.title == "CONNECT=refuse")
        failed: set[str] = set()
        for _ in range(_TRIES):
            for _ in range(2):
                all_is_well(calling, case, kept=True)
            for client, got in hit(calling, case, kept=True).items():
                assert got["seconds"] < 5, client
                if got["error"]:
                    failed.add(client)
            if failed == set(program.clients):  # at once, unless the machine pauses
                break
        assert failed == set(program.clients)
        all_is_well(calling, case, kept=True)


def hit(calling: Calling, case: Case, **more: Any) -> dict[str, Any]:
    """Each client's outcome in an invocation that was hit.

    The log says so, once and by the host's name.
    """
    for _ in range(_TRIES):
        request_id = str(uuid.uuid4())
        told = calling.results(case, request_id=request_id, **more)
        lines = injected(calling.function, request_id)
        if [line["event"] for line in lines] == ["fault_injected"]:
            check_line(lines[0], case)
            return told
        # On a machine that pauses for 50 ms the shim goes on by itself.
        assert [line["event"] for line in lines] in ([], ["fault_not_applied"])
        print(lines, told)
        time.sleep(1)
    pytest.fail(f"not applied in {_TRIES} invocations")


def check_line(line: dict[str, Any], case: Case) -> None:
    """An injection's line names fault, host and, except for lookups, port."""
    assert (line["event"], line["fault"]) == ("fault_injected", case.fault)
    hosts = {f"fault-{case.name}.up.test"}
    if case.fault == "connect":  # it may have closed an idle connection of an earlier case first
        hosts |= {"fault-untouched.up.test", "fault-untouched-tls.up.test"}
    assert line["host"] in hosts
    assert ("port" in line) is (case.fault != "dns")
