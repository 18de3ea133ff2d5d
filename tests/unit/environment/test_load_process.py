"""Processes that burden the environment: what they do, and that they never outlive their use."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.holding import MB, alive, burdens, soon
from faultlayer.environment import load_process as load_processes
from faultlayer.environment.load_process import LoadProcess, private

EXTENSION = str(Path(load_processes.__file__).parents[2])


@pytest.fixture(autouse=True)
def none_left() -> Iterator[None]:
    yield
    assert not burdens()


def ticks(pid: int) -> int:
    """The processor time that it has had, in clock ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return int(fields[11]) + int(fields[12])


def inheritable() -> set[str]:
    """The descriptors that whoever started these tests gave to all."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the listing's own
            found |= {name} if os.get_inheritable(int(name)) else set()
    return found


def test_memory_is_resident_and_what_the_process_has_anyway_is_part_of_it() -> None:
    burden = LoadProcess("full", 64 * MB, 60)
    try:
        held = burden.ready(30)
        assert 64 * MB <= held < 66 * MB
        assert 64 * MB <= private(burden.pid) < 66 * MB
    finally:
        burden.stop()
    assert not alive(burden.pid)


def test_a_busy_one_uses_a_processor() -> None:
    burden = LoadProcess("busy", 1, 60)
    try:
        assert burden.ready(30) == 1
        assert soon(lambda: ticks(burden.pid) > 30), "0.3 s of a processor"
    finally:
        burden.stop()


def test_its_footprint_is_small_and_it_has_nothing_of_ours() -> None:
    inherited = os.open("/dev/null", os.O_RDONLY)
    os.environ["HUNTER"] = "2"
    burden = LoadProcess("busy", 1, 60)
    try:
        assert burden.ready(30)
        proc = Path(f"/proc/{burden.pid}")
        assert set(os.listdir(proc / "fd")) == {"0", "1", "2"} | inheritable()
        assert b"HUNTER" not in (proc / "environ").read_bytes()
        assert private(burden.pid) < 8 * MB
    finally:
        burden.stop()
        os.close(inherited)
        del os.environ["HUNTER"]


@pytest.mark.parametrize("work", ["busy", "full"])
def test_it_ends_by_itself_at_its_time(work: str) -> None:
    burden = LoadProcess(work, 1, 0.5)
    assert soon(lambda: not alive(burden.pid))
    burden.stop()


@pytest.mark.parametrize("work", ["busy", "full"])
def test_its_time_can_be_put_off_but_not_brought_forward(work: str) -> None:
    burden = LoadProcess(work, 1, 1)
    burden.ready(30)
    burden.extend(60)
    burden.extend(0.001)
    time.sleep(1.5)
    assert alive(burden.pid)
    burden.stop()


@pytest.mark.parametrize("work", ["busy", "full"])
def test_frozen_past_its_time_it_ends_when_it_thaws(work: str) -> None:
    burden = LoadProcess(work, 1, 1)
    burden.ready(30)
    os.kill(burden.pid, signal.SIGSTOP)
    time.sleep(1.2)
    assert alive(burden.pid)
    os.kill(burden.pid, signal.SIGCONT)
    assert soon(lambda: not alive(burden.pid))
    burden.stop()


@pytest.mark.parametrize("work", ["busy", "full"])
def test_one_that_is_stopped_can_be_ended(work: str) -> None:
    burden = LoadProcess(work, 1, 60)
    os.kill(burden.pid, signal.SIGSTOP)
    burden.stop()
    assert not alive(burden.pid)


PARENT = """
import sys, time
sys.path.insert(0, sys.argv[1])
from faultlayer.environment.load_process import LoadProcess
burdens = [LoadProcess(work, 50 << 20, 60) for work in ("busy", "full")]
if sys.argv[2] == "ready":
    [burden.ready(30) for burden in burdens]
print(*[burden.pid for burden in burdens], flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("when", ["ready", "starting"])
def test_they_end_with_who_started_them_however_that_ends(when: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-ISc", PARENT, EXTENSION, when], stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    pids = [int(text) for text in parent.stdout.readline().split()]
    assert len(pids) == 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert soon(lambda: not any(map(alive, pids)))


def test_one_that_was_killed_before_it_began_says_so() -> None:
    burden = LoadProcess("full", 4096 * MB, 60)
    os.kill(burden.pid, signal.SIGKILL)
    with pytest.raises(ValueError, match="was ended before it had begun"):
        burden.ready(30)
    burden.extend(60)
    burden.stop()


def test_one_that_takes_longer_tells_how_far_it_is() -> None:
    burden = LoadProcess("full", 64 * MB, 60)
    os.kill(burden.pid, signal.SIGSTOP)
    try:
        assert burden.ready(0.05) < 64 * MB
        assert burden.ready(-1) < 64 * MB
    finally:
        burden.stop()


def test_one_that_cannot_be_started_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python3")
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        LoadProcess("busy", 1, 60)
    assert set(os.listdir("/proc/self/fd")) <= before  # others of this process may end meanwhile


@pytest.mark.parametrize("room", [0, 1, 2, 3])
def test_where_descriptors_run_out_none_is_lost(room: int) -> None:
    before = os.listdir("/proc/self/fd")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = [os.open("/dev/null", os.O_RDONLY) for _ in range(room)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max([*map(int, before), *free]) + 1, hard))
    taken: list[int] = []
    try:
        with contextlib.suppress(OSError):
            while True:  # whatever is free below
                taken.append(os.open("/dev/null", os.O_RDONLY))
        for fd in free:
            os.close(fd)
        with pytest.raises(OSError, match="Too many open files"):
            LoadProcess("busy", 1, 60)
        again = [os.open("/dev/null", os.O_RDONLY) for _ in free]
        for fd in again:
            os.close(fd)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in taken:
            os.close(fd)
    assert os.listdir("/proc/self/fd") == before


def test_no_descriptor_and_no_zombie_is_left() -> None:
    before = os.listdir("/proc/self/fd")
    for _ in range(5):
        burden = LoadProcess("busy", 1, 60)
        burden.stop()
        with pytest.raises(ChildProcessError):
            os.waitpid(burden.pid, 0)
    assert os.listdir("/proc/self/fd") == before


def test_where_children_are_not_waited_for_nothing_fails() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        burden = LoadProcess("busy", 1, 0)
        assert soon(lambda: not Path(f"/proc/{burden.pid}").exists())
        burden.stop()
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_memory_of_a_process_that_is_gone() -> None:
    assert private("self") > 0
    assert private(2**22 + 1) == 0
