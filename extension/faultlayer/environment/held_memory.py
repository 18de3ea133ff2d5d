"""Memory held by a process of our own, resident, so that the extension stays small.

Meanwhile the runtime is the first process that the kernel ends if memory runs out, as it would be
without us. Free memory is counted up to the memory limit of this process's control group; without
one, up to the function's memory size, less what the processes here have. Never more than the
machine has available. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""

from __future__ import annotations

import posix
from _thread import allocate_lock
from time import monotonic

from faultlayer.environment.holdings import MEMORY
from faultlayer.environment.load_process import LoadProcess, private
from faultlayer.environment.memory import machine, within_groups
from faultlayer.environment.processes import Runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.environment.holdings import Holder, Taken
    from faultlayer.vocabulary.actions import Memory

_MOST = 32 << 30  # bytes: the most that Lambda gives a function, on Managed Instances
_SIZE = b"AWS_LAMBDA_FUNCTION_MEMORY_SIZE"  # in MB
_LONGEST = 30.0  # seconds that an event waits until it is held


def free() -> int:
    """How many more bytes of memory could be taken here."""
    total, available = machine()
    within = within_groups(total)
    if within is None:
        size = posix.environ.get(_SIZE, b"")
        most = min(int(size) << 20, total) if size.isdigit() else total
        within = most - sum(private(name) for name in posix.listdir("/proc") if name.isdigit())
    return min(within, available)


class _Victims:
    """The runtime's processes: the first to be ended while any invocation holds memory."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._holders = 0
        self._before: dict[int, bytes] = {}

    def offer(self, runtime: Runtime) -> None:
        with self._lock:
            self._holders += 1
            self._before = {**runtime.sacrifice(), **self._before}

    def spare(self, runtime: Runtime) -> None:
        with self._lock:
            self._holders -= 1
            if not self._holders:
                before, self._before = self._before, {}
                runtime.spare(before)


_VICTIMS = _Victims()


def _start(size: int, until: float) -> tuple[LoadProcess, int]:
    """A process that holds this much, and how much it holds."""
    seconds = until - monotonic()
    process = LoadProcess("full", size, seconds)
    try:
        return process, process.ready(min(seconds, _LONGEST))
    except BaseException:
        process.stop()
        raise


def take(request: Memory, holder: Holder) -> Taken:
    """Take the memory; with `leave_free`, holdings of other invocations count, too."""
    runtime = Runtime(holder.runtime_api)
    processes: list[LoadProcess] = []

    def release() -> None:
        MEMORY.leave(processes)
        _VICTIMS.spare(runtime)

    def fill(want: int, held: int) -> int:
        if want > 0:
            process, more = _start(min(want, _MOST), holder.until)
            MEMORY.add(process, more)
            processes.append(process)
            held += more
        if not held:
            raise ValueError("memory has no more than that free already")
        return held

    _VICTIMS.offer(runtime)
    try:
        if not request.leave_free:
            return release, {"held": fill(request.size, 0)}
        with MEMORY.alone:
            processes, shared = MEMORY.join()
            for process in processes:
                process.extend(holder.until - monotonic())
            return release, {"held": fill(free() - request.size, shared)}
    except BaseException:
        release()
        raise
