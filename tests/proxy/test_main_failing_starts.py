"""Each system call of the start fails at each moment: the function is served, or runs untouched.

strace makes a call fail in a process like the one that Lambda starts.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import pytest

import machine
from fakes.proxied import Extension, soon
from fakes.runtime import Runtime
from fakes.runtime_api import RuntimeApi

FAULT = {"FAULTLAYER_LATENCY": "1ms"}
# With the errors of a machine that has no more descriptors, threads, memory, ports or space.
CALLS = {
    "openat": "EMFILE",
    "socket": "ENFILE",
    "accept4": "EMFILE",
    "fcntl": "EMFILE",
    "epoll_create1": "EMFILE",
    "epoll_ctl": "ENOSPC",
    "clone3": "EAGAIN",
    "clone": "EAGAIN",
    "mmap": "ENOMEM",
    "newfstatat": "ENOMEM",
    "bind": "EADDRINUSE",
    "listen": "EADDRINUSE",
    "connect": "EADDRNOTAVAIL",
    "getsockname": "ENOBUFS",
    "setsockopt": "ENOMEM",
    "write": "ENOSPC",
    "unlink": "EROFS",
    "close": "EIO",
}


def strace(trace: Path, *options: str) -> list[str]:
    program = machine.program("strace")
    done = subprocess.run([program, "-qq", "true"], capture_output=True, check=False)
    if done.returncode:
        machine.lacks("tracing is not allowed here")
    # -D: the process that is started is the extension, and strace its child.
    return [program, "-D", "-f", "-qq", "-o", str(trace), *options]


def outcome(folder: Path, *options: str) -> str:
    """What became of a function whose extension was started so: served, untouched or unborn."""
    folder.mkdir()
    with (
        RuntimeApi() as api,
        Extension(api.host, folder, strace(folder / "trace", *options), **FAULT) as extension,
    ):
        assert soon(lambda: api.event_polls or extension.process.poll() is not None)
        if not api.registrations:
            extension._err.write_text("")  # the interpreter says why it could not start
            return "unborn"
        found = "untouched"
        if extension.path.exists():
            for _ in range(2):
                with Runtime(extension.address) as runtime:
                    invocation = api.invoke()
                    assert runtime.turn() == invocation.request_id
            found = "served"
        assert extension.process.poll() is None, "registered, and then dead"
        api.shutdown()
        assert extension.exit_code() == 0
        return found


@pytest.mark.parametrize(
    ("call", "moment", "expected"),
    [
        ("clone3,clone", "1+", "served"),  # no thread at all
        ("epoll_create1", "1+", "served"),  # the data path cannot be made
        ("accept4", "1", "served"),
        ("socket", "1+3", "served"),
        ("connect", "2", "served"),
        ("bind", "1+", "untouched"),
        ("write", "1", "untouched"),
    ],
)
def test_a_call_that_fails_leaves_the_function_served_or_untouched(
    tmp_path: Path, call: str, moment: str, expected: str
) -> None:
    error = CALLS[call.partition(",")[0]]
    inject = f"inject={call}:error={error}:when={moment}"
    assert outcome(tmp_path / "run", "-e", f"trace={call}", "-e", inject) == expected


@pytest.mark.nightly
@pytest.mark.parametrize("call", CALLS)
def test_each_call_fails_at_each_moment(tmp_path: Path, call: str) -> None:
    """Once, and from then on. What fails before our first statement leaves nothing registered."""
    assert outcome(tmp_path / "plain") == "served"
    lines = (tmp_path / "plain" / "trace").read_text().splitlines()
    ours = next(at for at, line in enumerate(lines) if "faultlayer/main" in line)
    names = [line.split()[1].partition("(")[0] for line in lines]
    before, total = names[:ours].count(call), names.count(call)
    outcomes: Counter[str] = Counter()
    for moment in range(before + 1, total + 1):
        for ever in ("", "+") if call in ("clone3", "clone", "epoll_create1", "openat") else ("",):
            inject = f"inject={call}:error={CALLS[call]}:when={moment}{ever}"
            folder = tmp_path / f"{moment}{ever}"
            outcomes[outcome(folder, "-e", f"trace={call}", "-e", inject)] += 1
    assert outcomes["served"] or outcomes["untouched"] or before == total
