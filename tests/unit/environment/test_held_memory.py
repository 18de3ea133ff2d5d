"""Memory that is held: how much, what counts as free, and who is ended first."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.holding import (
    MB,
    burdens,
    hold,
    introduced,
    runtime,
    sandbox,
    score,
    soon,
    take,
    taken,
)
from faultlayer.environment import held_memory, load_process
from faultlayer.environment import memory as machine
from faultlayer.environment.holdings import MEMORY
from faultlayer.environment.load_process import private

OURS = f"127.0.0.1:{20000 + os.getpid() % 20000}"
Spawn = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture(autouse=True)
def none_left() -> Iterator[None]:
    yield
    assert not burdens()
    assert MEMORY.join() == ([], 0)
    assert held_memory._VICTIMS._holders == 0


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Start a runtime that was told this address."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(address: str = OURS) -> subprocess.Popen[bytes]:
        started.append(runtime(address))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def test_it_is_resident_in_a_process_of_our_own_and_back_afterwards() -> None:
    before = private("self")
    with taken(hold("memory", "100MB")) as numbers:
        (pid,) = burdens()
        assert 100 * MB <= private(pid) < 102 * MB
        assert abs(numbers["held"] - private(pid)) < MB
        assert private("self") - before < 2 * MB
    assert not burdens()


# -- free: -------------------------------------------------------------------------------------


GROUPS = "9:cpu,cpuacct:/f\n4:hugetlb,memory:/a/b\n0::/x/y\n"
MEMINFO = "MemTotal: 1048576 kB\nMemAvailable: 524288 kB\n"
IN_V1 = "hugetlb,memory/a/memory."
MBS = {10: "10485760", 20: "20971520", 30: "31457280", 40: "41943040", 100: "104857600"}
STAT_1 = f"inactive_file 5\ntotal_inactive_file {MBS[30]}\n"


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """What is free, in MB, where these are the files and what each process has to itself.

    The machine has 1 GB, half of it available; `size` is the function's memory size.
    """

    def find(files: dict[str, str], size: str = "", each: int = 0) -> int:
        found = {f"/sys/fs/cgroup/{path}": text for path, text in files.items()}
        found |= {"/proc/meminfo": MEMINFO, "/proc/self/cgroup": GROUPS}
        monkeypatch.setattr(machine, "read", lambda path: found.get(path, "").encode())
        monkeypatch.setattr(held_memory, "private", lambda pid: each * MB)
        monkeypatch.setattr(held_memory.posix, "listdir", lambda path: ["1", "2", "self", "sys"])
        monkeypatch.setitem(held_memory.posix.environ, held_memory._SIZE, size.encode())
        return held_memory.free() // MB

    return find


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({"x/y/memory.max": MBS[100], "x/y/memory.current": MBS[40]}, 60),
        ({"x/y/memory.max": "max\n", "x/y/memory.current": MBS[40]}, 512),
        ({"x/memory.max": MBS[100], "x/memory.current": MBS[40]}, 60),
        ({"memory.max": MBS[100] + "\n", "memory.current": "0\n"}, 100),
        (
            {"memory.max": MBS[100], "memory.current": MBS[40]}
            | {"x/memory.max": MBS[40], "x/memory.current": MBS[30]},
            10,
        ),
        (
            {"memory.max": MBS[100], "memory.current": MBS[40]}
            | {"memory.stat": f"anon 5\ninactive_file {MBS[30]}\nactive_file 7"},
            90,
        ),
        ({IN_V1 + "limit_in_bytes": MBS[100], IN_V1 + "usage_in_bytes": MBS[40]}, 60),
        (
            {IN_V1 + "limit_in_bytes": MBS[100], IN_V1 + "usage_in_bytes": MBS[40]}
            | {IN_V1 + "stat": STAT_1},
            90,
        ),
        ({IN_V1 + "limit_in_bytes": "9223372036854771712", IN_V1 + "usage_in_bytes": "5"}, 512),
        ({"x/memory.max": "943718400", "x/memory.current": "0"}, 512),
        ({"x/memory.max": MBS[10], "x/memory.current": MBS[20]}, -10),
        ({"x/memory.max": "junk", "x/memory.current": ""}, 512),
        ({"x/memory.max": MBS[10]}, 512),
    ],
)
def test_what_is_free_up_to_the_least_limit_of_the_control_groups(
    free: Callable[..., int], files: dict[str, str], left: int
) -> None:
    assert free(files) == left


@pytest.mark.parametrize(
    ("size", "each", "left"),
    [("128", 10, 108), ("128", 100, -72), ("2048", 10, 512), ("", 10, 512), ("junk", 300, 424)],
)
def test_without_one_up_to_the_function_s_memory_size(
    free: Callable[..., int], size: str, each: int, left: int
) -> None:
    assert free({}, size, each) == left


def test_down_to_what_is_to_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    start = 60 * MB
    monkeypatch.setattr(held_memory, "free", lambda: start - sum(map(private, burdens())))
    with taken(hold("memory", "free:20MB")) as numbers:
        assert 40 * MB <= numbers["held"] < 42 * MB


def test_where_less_is_free_already_nothing_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_memory, "free", lambda: 20 * MB)
    with pytest.raises(ValueError, match="memory has no more than that free already"):
        take(hold("memory", "free:20MB"), sandbox())


def test_so_much_is_left_to_each_of_two_at_once_also_when_the_other_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = 60 * MB
    monkeypatch.setattr(held_memory, "free", lambda: start - sum(map(private, burdens())))
    first, _ = take(hold("memory", "free:20MB"), sandbox(1.0))
    second, numbers = take(hold("memory", "free:20MB"), sandbox(60.0))
    assert numbers["held"] >= 38 * MB
    first()
    assert sum(map(private, burdens())) >= 38 * MB
    pids = burdens()
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(["tail", f"--pid={pids[0]}", "-f", "/dev/null"], timeout=2, check=False)
    assert burdens() == pids, "longer than the first invocation would have let it"
    second()
    assert not burdens()


# -- what goes wrong --------------------------------------------------------------------------


def test_one_that_the_kernel_ends_holds_nothing_and_says_so(
    monkeypatch: pytest.MonkeyPatch, spawn: Spawn
) -> None:
    began = load_process.LoadProcess.__init__

    def begins(self: load_process.LoadProcess, *arguments: Any) -> None:
        began(self, *arguments)
        os.kill(self.pid, signal.SIGKILL)

    monkeypatch.setattr(load_process.LoadProcess, "__init__", begins)
    function = spawn()
    usual = score(function.pid)
    with pytest.raises(ValueError, match="was ended before it had begun"):
        take(hold("memory", "10MB"), sandbox(address=OURS.encode()))
    assert score(function.pid) == usual


def test_one_that_the_kernel_ends_later_is_released_all_the_same() -> None:
    release, _ = take(hold("memory", "10MB"), sandbox())
    (pid,) = burdens()
    os.kill(pid, signal.SIGKILL)
    release()
    assert not Path(f"/proc/{pid}").exists()


# -- who is ended first ------------------------------------------------------------------------


def test_the_runtime_is_ended_first_while_it_is_held_and_nobody_else(spawn: Spawn) -> None:
    function, other = spawn(), spawn("127.0.0.1:2")
    usual = score(function.pid)
    with taken(hold("memory", "10MB"), address=OURS.encode()):
        assert (score(function.pid), score(other.pid)) == (1000, usual)
        assert [score(pid) for pid in burdens()] == [usual]
    assert (score(function.pid), score(other.pid)) == (usual, usual)


def test_two_at_once_it_stays_the_first_until_both_have_ended(spawn: Spawn) -> None:
    function = spawn()
    usual = score(function.pid)
    first, _ = take(hold("memory", "5MB"), sandbox(address=OURS.encode()))
    second, _ = take(hold("memory", "5MB"), sandbox(address=OURS.encode()))
    first()
    assert score(function.pid) == 1000
    second()
    assert score(function.pid) == usual


def test_workers_that_come_later_are_offered_and_spared_too(spawn: Spawn) -> None:
    """Their score is of their own, as a function may set it."""
    one = spawn()
    usual = score(one.pid)
    first, _ = take(hold("memory", "5MB"), sandbox(address=OURS.encode()))
    other = spawn()
    Path(f"/proc/{other.pid}/oom_score_adj").write_text("500")
    second, _ = take(hold("memory", "5MB"), sandbox(address=OURS.encode()))
    assert (score(one.pid), score(other.pid)) == (1000, 1000)
    second()
    first()
    assert (score(one.pid), score(other.pid)) == (usual, 500)


def test_children_that_are_born_meanwhile_are_spared_too() -> None:
    shell = subprocess.Popen(
        ["sh", "-c", "read line; sleep 60 & echo $!; wait"],
        env={"AWS_LAMBDA_RUNTIME_API": OURS, "PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert shell.stdin is not None
    assert shell.stdout is not None
    introduced(shell.pid)
    usual = score(shell.pid)
    child = 0
    try:
        with taken(hold("memory", "5MB"), address=OURS.encode()):
            assert score(shell.pid) == 1000
            shell.stdin.write(b"\n")
            shell.stdin.flush()
            child = int(shell.stdout.readline())
            assert score(child) == 1000, "as it is inherited"
            assert soon(lambda: OURS.encode() in Path(f"/proc/{child}/environ").read_bytes())
        assert (score(shell.pid), score(child)) == (usual, usual)
    finally:
        for pid in filter(None, (child, shell.pid)):
            os.kill(pid, signal.SIGKILL)
        shell.communicate()


def test_a_runtime_that_wants_to_be_first_stays_it(spawn: Spawn) -> None:
    function = spawn()
    Path(f"/proc/{function.pid}/oom_score_adj").write_text("1000")
    with taken(hold("memory", "5MB"), address=OURS.encode()):
        pass
    assert score(function.pid) == 1000
