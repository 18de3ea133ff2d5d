"""Which processes are the runtime's, and that no signal reaches any other: real processes."""

from __future__ import annotations

import itertools
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import machine
from fakes.proxied import soon
from faultlayer.environment import processes
from faultlayer.environment.processes import Runtime
from unit.environment.processes_support import (
    ADDRESS,
    OTHER,
    SLEEP,
    VARIABLE,
    Spawn,
    alive,
    gone,
    ids,
    killed,
    ours,
    sleeping,
)

TICK = 0.02  # seconds: longer than the unit in which processes' starts are told
EXTENSION = str(Path(processes.__file__).parents[2])


def test_the_runtime_dies_and_no_process_that_was_told_another_address(spawn: Spawn) -> None:
    runtime = spawn()
    others = [
        spawn(address=None),
        spawn(address=OTHER),
        spawn(address=ADDRESS + "0"),  # another port, which begins like ours
        spawn(address=ADDRESS[:-1]),
        spawn(address="x" + ADDRESS),
        spawn("env", f"X_{VARIABLE}={ADDRESS}", *SLEEP, address=OTHER),
        spawn("env", f"X=\n{VARIABLE}={ADDRESS}", *SLEEP, address=OTHER),
        spawn("sh", "-c", f"sleep 60; : {VARIABLE}={ADDRESS}", address=None),  # as an argument
    ]
    assert ours().kill() == 1
    assert killed(runtime)
    assert all(map(alive, others))
    assert ours().find() == []
    assert ours().kill() == 0


def test_its_children_and_theirs_die_with_it_the_runtime_first(spawn: Spawn) -> None:
    script = "echo $$; sh -c 'echo $$; sleep 60 & echo $!; wait' & wait"
    runtime = spawn("sh", "-c", script, stdout=subprocess.PIPE)
    family = ids(runtime, 3)
    sleeping(family[-1])
    assert sorted(ours().find()) == sorted(family)
    assert ours().find()[0] == runtime.pid
    assert ours().kill() == 3
    assert killed(runtime)
    assert all(map(gone, family))


def test_the_runtime_goes_last_when_all_stand_still(
    spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the runtime Lambda ends the layer too: nobody would be left to kill its children."""
    runtime = spawn("sh", "-c", "echo $$; sleep 60 & echo $!; wait", stdout=subprocess.PIPE)
    _, child = ids(runtime, 2)
    sleeping(child)
    opened, send = processes.posix.pidfd_open, processes.pidfd_send_signal
    of: dict[int, int] = {}
    seen: list[tuple[int, int]] = []

    def remember(pid: int) -> int:
        fd: int = opened(pid)
        of[fd] = pid
        return fd

    def note(fd: int, number: int) -> None:
        seen.append((of[fd], number))
        send(fd, number)

    monkeypatch.setattr(processes.posix, "pidfd_open", remember)
    monkeypatch.setattr(processes, "pidfd_send_signal", note)
    assert ours().kill() == 2
    stop, kill = signal.SIGSTOP, signal.SIGKILL
    assert seen == [(runtime.pid, stop), (child, stop), (child, kill), (runtime.pid, kill)]
    assert killed(runtime)
    assert gone(child)


def test_children_survive_that_were_given_another_address(spawn: Spawn) -> None:
    runtime = spawn(
        "sh", "-c", f"echo $$; {VARIABLE}={OTHER} sleep 60 & echo $!; wait", stdout=subprocess.PIPE
    )
    _, child = ids(runtime, 2)
    sleeping(child)
    assert ours().kill() == 1
    assert killed(runtime)
    sleeping(child)


def test_a_runtime_behind_another_proxy_and_that_proxy_are_left_alone(spawn: Spawn) -> None:
    """The proxy is told our address by the wrapper that becomes the runtime, and that another."""
    script = f"echo $$; sleep 60 & echo $!; {VARIABLE}={OTHER} exec sleep 60"
    runtime = spawn("sh", "-c", script, stdout=subprocess.PIPE)
    _, proxy = ids(runtime, 2)
    sleeping(runtime.pid)
    sleeping(proxy)
    assert ours().find() == []
    assert ours().kill() == 0
    assert alive(runtime)


def test_a_runtime_that_a_script_started_which_was_told_lambdas_address_dies(
    spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(processes.posix.environ, VARIABLE.encode(), b"127.0.0.1:9001")
    script = f"echo $$; {VARIABLE}={ADDRESS} sleep 60 & echo $!; wait"
    starts = spawn("sh", "-c", script, address="127.0.0.1:9001", stdout=subprocess.PIPE)
    _, runtime = ids(starts, 2)
    sleeping(runtime)
    assert ours().kill() == 1
    assert gone(runtime)
    assert starts.wait(10) == 0


def test_a_runtime_that_is_stopped_or_ignores_signals_dies(spawn: Spawn) -> None:
    stubborn = spawn("sh", "-c", "trap '' TERM INT HUP; exec sleep 60")
    sleeping(stubborn.pid)
    stopped = spawn()
    os.kill(stopped.pid, signal.SIGSTOP)
    assert ours().kill() == 2
    assert killed(stubborn)
    assert killed(stopped)


def elsewhere(code: str, address: str = OTHER) -> str:
    """What Python says that is started now, with `runtime` at hand; it is no process of `ours`."""
    start = (
        f"import sys; sys.path.insert(0, {EXTENSION!r}); "
        "from faultlayer.environment.processes import Runtime; "
        f"runtime = Runtime({ADDRESS.encode()!r}); "
    )
    command = [sys.executable, "-IBc", start + code]
    done = subprocess.run(command, env={VARIABLE: address}, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.strip()


def test_a_process_that_is_older_than_the_extension_is_not_its_runtime(spawn: Spawn) -> None:
    older = spawn()
    time.sleep(TICK)
    assert elsewhere("print(runtime.find(), runtime.kill())") == "[] 0"
    assert alive(older)
    assert ours().kill() == 1, "to us it is younger"


def test_the_extension_itself_never_dies_of_it() -> None:
    """Where a chained proxy of the same address has started it, say."""
    assert elsewhere("print(runtime.find(), runtime.kill())", address=ADDRESS) == "[] 0"


def test_a_process_of_another_network_is_not_ours(spawn: Spawn) -> None:
    network = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    if subprocess.run([*network, "true"], capture_output=True).returncode:
        machine.lacks("network namespaces are not allowed here")
    away = spawn(*network, "sh", "-c", "echo $$; exec sleep 60", stdout=subprocess.PIPE)
    ids(away, 1)
    here = spawn()
    assert ours().find() == [here.pid]
    assert ours().kill() == 1
    assert alive(away)


def test_a_runtime_that_overwrote_its_environment_is_not_found(spawn: Spawn) -> None:
    """As setproctitle does: where the environment was, the process's title stands."""
    code = (
        "import ctypes; e = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), 'environ')\n"
        "i = 0\n"
        "while e[i]: ctypes.memset(ctypes.cast(e, ctypes.POINTER(ctypes.c_void_p))[i], 32, "
        "len(e[i])); i += 1\n"
        "print(1, flush=True); import time; time.sleep(60)"
    )
    hidden = spawn(sys.executable, "-IBc", code, stdout=subprocess.PIPE)
    ids(hidden, 1)
    assert ours().find() == []
    assert alive(hidden)


def test_a_process_that_has_exited_and_is_not_waited_for_counts_no_more(spawn: Spawn) -> None:
    zombie = spawn("true")
    assert gone(zombie.pid)
    assert ours().find() == []
    assert ours().kill() == 0


def test_children_born_while_the_others_die_are_found(
    spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, late = spawn(), []
    send = processes.pidfd_send_signal

    def slowly(fd: int, number: int) -> None:
        if number and not late:
            late.append(spawn())
        send(fd, number)

    monkeypatch.setattr(processes, "pidfd_send_signal", slowly)
    assert ours().kill() == 2
    assert killed(first)
    assert killed(late[0])


# -- ids that belong to another process by the time of the signal --------------------------------


@pytest.mark.parametrize("stage", ["look", "open", "signal"])
def test_an_id_that_is_reused_meanwhile_saves_its_new_owner(stage: str) -> None:
    """In a process namespace of its own, where the next id can be chosen."""
    rights = [] if os.geteuid() == 0 else ["-r"]
    space = ["unshare", *rights, "--pid", "--fork", "--mount-proc"]
    command = [*space, sys.executable, "-IB", str(Path(__file__).parent / "reused.py")]
    done = subprocess.run(
        [*command, EXTENSION, ADDRESS, stage], capture_output=True, text=True, timeout=60
    )
    if "unshare:" in done.stderr or "ns_last_pid" in done.stderr:
        machine.lacks(f"process namespaces are not allowed here: {done.stderr}")
    assert (done.stdout, done.stderr) == ("reused: killed 0, the new owner is alive\n", "")


def test_no_descriptor_is_left(spawn: Spawn) -> None:
    before = len(os.listdir("/proc/self/fd"))
    runtime = spawn()
    assert ours().kill() == 1
    assert killed(runtime)
    assert len(os.listdir("/proc/self/fd")) == before


# -- the first to go where memory is short -------------------------------------------------------


def score(process: subprocess.Popen[bytes]) -> int:
    return int(Path(f"/proc/{process.pid}/oom_score_adj").read_text())


def test_the_runtime_is_made_the_first_to_go_and_spared_again(spawn: Spawn) -> None:
    runtime, other = spawn(), spawn(address=OTHER)
    usual = score(other)
    before = ours().sacrifice()
    assert score(runtime) == 1000
    assert score(other) == usual
    ours().spare(before)
    assert score(runtime) == usual
    runtime.kill()
    runtime.wait()
    ours().spare(before)  # gone meanwhile


# -- any family --------------------------------------------------------------------------------

_trees = st.recursive(
    st.tuples(st.sampled_from([ADDRESS, OTHER, None]), st.just([])),
    lambda children: st.tuples(
        st.sampled_from([ADDRESS, OTHER, None]), st.lists(children, max_size=3)
    ),
    max_leaves=6,
)


def planted(tree: Any, told: list[str | None]) -> str:
    """The shell command that makes this process and its descendants, each saying its number."""
    address, children = tree
    number = len(told)
    told.append(address)
    script = f"echo {number} $$; "
    script += "".join(planted(child, told) + " & " for child in children) + "exec sleep 60"
    given = [f"{VARIABLE}={address}"] if address else []
    return shlex.join(["env", "-i", f"PATH={os.environ['PATH']}", *given, "sh", "-c", script])


def expected(forest: list[Any]) -> set[int]:
    """The numbers of those that were told our address, by none that was told another."""
    right, numbers = set(), itertools.count()

    def visit(tree: Any, hidden: bool) -> None:
        address, children = tree
        number = next(numbers)
        if address == ADDRESS and not hidden:
            right.add(number)
        for child in children:
            visit(child, hidden if address == ADDRESS else address == OTHER)

    for tree in forest:
        visit(tree, False)
    return right


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_trees, min_size=1, max_size=3))
def test_of_any_forest_exactly_the_right_ones_die(forest: list[Any]) -> None:
    told: list[str | None] = []
    script = " & ".join([planted(tree, told) for tree in forest] + ["wait"])
    root = subprocess.Popen(
        ["sh", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert root.stdout is not None
    try:
        pids = dict(map(int, root.stdout.readline().split()) for _ in told)
        for pid in pids.values():
            sleeping(pid)
        right = {pids[number] for number in expected(forest)}
        assert set(ours().find()) == right
        assert ours().kill() == len(right)
        for pid in pids.values():
            if pid in right:
                assert gone(pid)
            else:
                sleeping(pid)
    finally:
        os.killpg(root.pid, signal.SIGKILL)
        root.wait()
        root.stdout.close()


def test_a_web_application_that_no_wrapper_has_sent_to_us(
    spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Lambda Web Adapter comes to us, and Lambda has started the application."""
    lambdas, adapter = "127.0.0.1:9001", "AWS_LWA_LAMBDA_RUNTIME_API_PROXY"
    handler = "_HANDLER=run.sh"
    app = spawn("env", handler, "sh", "-c", "sleep 60 & wait", address=lambdas)
    extension = spawn("env", *SLEEP, address=lambdas)
    other = spawn("env", handler, *SLEEP, address=OTHER)
    for process in (extension, other):
        sleeping(process.pid)
    monkeypatch.setitem(os.environb, VARIABLE.encode(), lambdas.encode())
    assert Runtime(ADDRESS.encode()).find() == []
    monkeypatch.setitem(os.environb, adapter.encode(), OTHER.encode())
    assert Runtime(ADDRESS.encode()).find() == []
    monkeypatch.setitem(os.environb, adapter.encode(), b"http://" + ADDRESS.encode())
    assert soon(lambda: len(Runtime(ADDRESS.encode()).find()) == 2)
    assert Runtime(ADDRESS.encode()).kill() == 2
    assert killed(app)
    assert alive(extension)
    assert alive(other)
