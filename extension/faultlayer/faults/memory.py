"""MEMORY: memory is held by a size, or until so much is free, while the invocation lasts.

A process of our own holds it, resident, so that the extension stays small; and the runtime becomes
the first that the kernel ends where there is no more, as it would be without us. What is free: up
to the memory limit of this process's control group; where it has none, up to the function's memory
size, less what the processes here have. Never more than the machine has available.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""

from __future__ import annotations

import posix
from _thread import allocate_lock
from time import monotonic

from faultlayer.environment.memory import machine, within_groups
from faultlayer.values.sizes import Amount
from faultlayer.vocabulary.actions import Action, Hold
from faultlayer.vocabulary.registry import Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from faultlayer.environment.load_process import LoadProcess
    from faultlayer.environment.processes import Runtime
    from faultlayer.vocabulary.actions import Sandbox
    from faultlayer.vocabulary.invocation import Invocation

_MOST = 32 << 30  # bytes: the most that Lambda gives a function, on Managed Instances
_SIZE = b"AWS_LAMBDA_FUNCTION_MEMORY_SIZE"  # in MB
_LONGEST = 30.0  # seconds that an event waits until it is held


def free() -> int:
    """How much more memory could be taken here, in bytes."""
    from faultlayer.environment.load_process import private

    total, available = machine()
    within = within_groups(total)
    if within is None:
        size = posix.environ.get(_SIZE, b"")
        most = min(int(size) << 20, total) if size.isdigit() else total
        within = most - sum(private(name) for name in posix.listdir("/proc") if name.isdigit())
    return min(within, available)


class _Victims:
    """The runtime's processes, the first to be ended while any invocation holds memory."""

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


def _burden(size: int, until: float) -> tuple[LoadProcess, int]:
    from faultlayer.environment.load_process import LoadProcess

    seconds = until - monotonic()
    burden = LoadProcess("full", size, seconds)
    try:
        return burden, burden.ready(min(seconds, _LONGEST))
    except BaseException:
        burden.stop()
        raise


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    left, size = options.amount

    def take(sandbox: Sandbox) -> tuple[Callable[[], None], dict[str, Any]]:
        from faultlayer.environment.holdings import MEMORY
        from faultlayer.environment.processes import Runtime

        runtime = Runtime(sandbox.runtime_api)
        burdens: list[LoadProcess] = []

        def release() -> None:
            MEMORY.leave(burdens)
            _VICTIMS.spare(runtime)

        def fill(want: int, held: int) -> int:
            if want > 0:
                burden, more = _burden(min(want, _MOST), sandbox.until)
                MEMORY.add(burden, more)
                burdens.append(burden)
                held += more
            if not held:
                raise ValueError("no more than that is free already")
            return held

        _VICTIMS.offer(runtime)
        try:
            if not left:
                return release, {"held": fill(size, 0)}
            with MEMORY.alone:
                burdens, shared = MEMORY.join()
                for burden in burdens:
                    burden.extend(sandbox.until - monotonic())
                return release, {"held": fill(free() - size, shared)}
        except BaseException:
            release()
            raise

    return Hold(take, **{"left" if left else "size": size})


FAULT = Fault(
    __name__,
    order=32,
    help="memory is held for the invocation",
    main=Option("amount", Amount(_MOST), "how much is held, or left free"),
    decide=decide,
)
