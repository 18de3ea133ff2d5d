"""Where the runtime cannot be killed: that is said once, nothing is counted, and nobody is hurt."""

from __future__ import annotations

import errno
import os
import posix
import signal
from collections.abc import Callable
from typing import Any

import pytest

from faultlayer.acting.crash import crash
from faultlayer.environment import processes
from faultlayer.faults import find_fault
from faultlayer.targeting import injection
from faultlayer.targeting.injection import Candidate, Injection
from faultlayer.targeting.limits import Limit
from faultlayer.targeting.rules import Rule
from faultlayer.vocabulary import registry
from faultlayer.vocabulary.actions import BEFORE, Crash
from unit.environment.processes_support import ADDRESS, OTHER, Spawn, alive, killed, ours


def hit(request_id: str = "id") -> Injection:
    name = Crash.__name__.lower()
    fault = find_fault(name)
    assert fault is not None
    rule = Rule(fault, registry.Options({}), limit=Limit(1))
    claimed = Candidate(rule, Crash(BEFORE, 0, when=BEFORE)).claim(request_id)
    assert claimed is not None
    return claimed


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    lines: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(injection, "_logged", set())
    monkeypatch.setattr(injection, "emit", lambda level, event, **more: lines.append((event, more)))
    return lines


def test_it_is_said_before_it_happens(
    spawn: Spawn, said: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime, send = spawn(), processes.pidfd_send_signal

    def kill(fd: int, number: int) -> None:
        assert len(said) == (number == signal.SIGKILL)
        send(fd, number)

    monkeypatch.setattr(processes, "pidfd_send_signal", kill)
    due = hit()
    ends: list[bool] = []
    assert crash(due, ADDRESS.encode(), lambda: ends.append(alive(runtime)))
    assert killed(runtime)
    assert ends == [True]
    assert [event for event, _ in said] == ["fault_injected"]
    assert due.rule.limit is not None
    assert due.rule.limit.remaining == 0


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (PermissionError(errno.EPERM, ""), "the runtime cannot be killed: Operation not permitted"),
        (ProcessLookupError(errno.ESRCH, ""), "the runtime had ended by itself"),
    ],
)
def test_a_line_is_taken_back_if_the_kill_comes_to_nothing(
    spawn: Spawn,
    said: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    refused: OSError,
    why: str,
) -> None:
    spawn()
    send = processes.pidfd_send_signal

    def refuse(fd: int, number: int) -> None:
        if number == signal.SIGKILL:
            raise refused
        send(fd, number)

    monkeypatch.setattr(processes, "pidfd_send_signal", refuse)
    due = hit()
    assert not crash(due, ADDRESS.encode(), lambda: None)
    assert [event for event, _ in said] == ["fault_injected", "fault_not_applied"]
    assert (said[1][1]["request_id"], said[1][1]["message"]) == ("id", why)
    assert said[1][1]["retracts"] is True
    assert due.rule.limit is not None
    assert due.rule.limit.remaining == 1


def untouched(said: list[Any], why: str) -> None:
    """Nothing is injected or counted, which one line says for all invocations."""
    first, second = hit(), hit("other")
    assert not crash(first, ADDRESS.encode(), pytest.fail)
    assert not crash(second, ADDRESS.encode(), pytest.fail)
    assert [event for event, _ in said] == ["fault_not_applied"]
    assert why in said[0][1]["message"]
    for due in (first, second):
        assert due.rule.limit is not None
        assert due.rule.limit.remaining == 1


def test_no_runtime_to_be_found(spawn: Spawn, said: list[Any]) -> None:
    spawn(address=OTHER)
    untouched(said, "no process was found")


def refusing(number: int, name: str = "") -> Callable[..., Any]:
    def refuse(*arguments: Any) -> Any:
        if not name or name in str(arguments[0]):
            raise OSError(number, os.strerror(number))
        return posix.open(*arguments)

    return refuse


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (errno.ENOSYS, "Function not implemented"),
        (errno.EPERM, "Operation not permitted"),
        (errno.EMFILE, "Too many open files"),
    ],
)
def test_no_process_descriptors(
    spawn: Spawn, said: list[Any], monkeypatch: pytest.MonkeyPatch, number: int, why: str
) -> None:
    runtime = spawn()
    monkeypatch.setattr(processes.posix, "pidfd_open", refusing(number))
    untouched(said, why)
    assert alive(runtime)


def test_signals_that_are_refused(
    spawn: Spawn, said: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = spawn()
    monkeypatch.setattr(processes, "pidfd_send_signal", refusing(errno.EPERM))
    untouched(said, "Operation not permitted")
    assert alive(runtime)


@pytest.mark.parametrize("what", ["open", "listdir", "readlink"])
def test_proc_that_cannot_be_read(
    spawn: Spawn, said: list[Any], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    runtime = spawn()
    with monkeypatch.context() as patch:
        patch.setattr(processes.posix, what, refusing(errno.EACCES))
        untouched(said, "the runtime cannot be killed")
    assert alive(runtime)


def test_one_that_may_not_be_killed_saves_no_other(
    spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the function has started a program of another user."""
    first, second = spawn(), spawn()
    opened, send = posix.pidfd_open, processes.pidfd_send_signal
    of: dict[int, int] = {}

    def remember(pid: int) -> int:
        fd = opened(pid)
        of[fd] = pid
        return fd

    def refuse_first(fd: int, number: int) -> None:
        if of[fd] == first.pid:
            raise PermissionError(errno.EPERM, "")
        send(fd, number)

    monkeypatch.setattr(processes.posix, "pidfd_open", remember)
    monkeypatch.setattr(processes, "pidfd_send_signal", refuse_first)
    assert ours().kill() == 1
    assert killed(second)
    assert alive(first)
