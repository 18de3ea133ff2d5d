"""What the tests of faults that hold something share: their actions, taken in this process."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faultlayer.acting.hold import Sandbox, holder_of
from faultlayer.settings.variables import read_environment
from faultlayer.targeting.injection import Candidate, Injection
from faultlayer.targeting.rules import Rule
from faultlayer.vocabulary.actions import Hold
from faultlayer.vocabulary.invocation import Invocation
from faultlayer_cli.running.namespaces import unshare_command

ADDRESS = b"127.0.0.1:1"  # of no runtime
MB = 1 << 20
ROOT = Path(__file__).resolve().parents[2]
# sh -c SMALL_TMP sh ROOT SIZE COMMAND...: in a mount namespace, with a tmpfs of this size on /tmp.
# The checkout may be below /tmp itself: there it stays in sight.
SMALL_TMP = """
root=$1 size=$2 && shift 2 && cd "$root" || exit
mount -t tmpfs -o mode=1777,size="$size" small /tmp || exit
case $root in /tmp/*) mkdir -p "$root" && mount -c --bind . "$root" ;; esac
exec "$@"
"""
_PATHS = f"""
import json, os, sys
sys.path[:0] = [{str(ROOT / "extension")!r}, {str(ROOT / "tests")!r}]
from fakes.holding import *
"""


def hold(name: str, value: str) -> Hold:
    """What the fault of this name decides for this value."""
    (hit,) = hits(**{name: value})
    hit.withdrawn()
    assert isinstance(hit.action, Hold)
    return hit.action


def hits(**values: str) -> list[Injection]:
    """What these faults, each at this value, make of one invocation."""
    variables = {f"FAULTLAYER_{name.upper()}": text for name, text in values.items()}
    settings = read_environment(variables)
    assert settings.chooser is not None, [problem.message for problem in settings.problems]
    found = []
    for rule in settings.chooser.rules:
        action = rule.decide(rule.options, Invocation(b"", b""), 0.5)
        assert action is not None
        injection = Candidate(rule, action).claim("r1")
        assert injection is not None
        found.append(injection)
    return found


def refusal(name: str, value: str) -> str:
    """The one line that is said about this value, at start."""
    settings = read_environment({f"FAULTLAYER_{name.upper()}": value})
    assert settings.chooser is None
    (problem,) = settings.problems
    assert problem.variable == f"FAULTLAYER_{name.upper()}"
    return problem.message


def sandbox(seconds: float = 60.0, address: bytes = ADDRESS) -> Sandbox:
    return Sandbox(address, time.time() + seconds)


def take(action: Hold, holder: Sandbox) -> tuple[Callable[[], None], dict[str, Any]]:
    """How to release what the action asks for, and the numbers of its log line."""
    return holder_of(action.request)(action.request, holder)


@contextmanager
def taken(action: Hold, seconds: float = 60.0, address: bytes = ADDRESS) -> Iterator[Any]:
    """The numbers of its log line, while it is held."""
    release, numbers = take(action, sandbox(seconds, address))
    try:
        yield numbers
    finally:
        release()


def limit(rule: Rule) -> int:
    assert rule.limit is not None
    return rule.limit.remaining


def burdens(parent: int | str = "self") -> list[int]:
    """The processes that this one has started to burden the environment, zombies not."""
    us = int(Path(f"/proc/{parent}/stat").read_text().split()[0])
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(") ")[2].split()
            ours = int(fields[1]) == us and fields[0] != "Z"
            if ours and b"faultlayer.environment.load_process" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except (OSError, IndexError, ValueError):
            continue
    return sorted(found)


def alive(pid: int) -> bool:
    """Whether this process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def soon(condition: Callable[[], object], within: float = 20.0) -> bool:
    """Whether this becomes true within so many seconds."""
    until = time.monotonic() + within
    while not (found := condition()) and time.monotonic() < until:
        time.sleep(0.01)
    return bool(found)


def runtime(address: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A process that was told this address of the Runtime API, as a runtime is."""
    code = "import sys; print('up', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-ISc", code, *arguments],
        env={"AWS_LAMBDA_RUNTIME_API": address},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    return process


def introduced(pid: int) -> None:
    """Wait until this process has an environment, or has ended: it starts without."""
    proc = Path(f"/proc/{pid}")
    while b") Z " not in (proc / "stat").read_bytes():
        try:
            if (proc / "environ").read_bytes():
                break
        except ProcessLookupError:  # it is ending
            pass
        time.sleep(0.001)


def score(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def in_small_tmp(code: str, *, size: str = "64m") -> Any:
    """What this code prints, as JSON, where /tmp is a tmpfs of this size."""
    program = [sys.executable, "-c", _PATHS + textwrap.dedent(code)]
    command = [*unshare_command(), "--", "sh", "-c", SMALL_TMP, "sh", str(ROOT), size, *program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
