"""The room's life: one thread with the control socket and the relay, from the start on.

startup: listen ──> main: start ──> acting: running().begin / end ──> main: finish
"""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread

from faultlayer.dependencies.conditions import InForce
from faultlayer.dependencies.control import Control
from faultlayer.dependencies.loop import Loop
from faultlayer.dependencies.observed import Observed
from faultlayer.dependencies.relay import Relay
from faultlayer.dependencies.running_time import RunningTime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.startup.control_socket import Listener

NOBODY = (
    "no process of the function has loaded the shim, so its connections cannot be disturbed: it "
    "was started without the wrapper, drops LD_PRELOAD, or is a static program"
)
NOT_STARTED = "connections are not redirected: no fault of connections was configured at the start"

_PATIENCE = 1.0  # seconds for the last sums: Lambda grants two to end


class _Service:
    """The running service, and the way to end it."""

    __slots__ = ("_ended", "_ending", "_is_observing", "_loop", "_observed", "control", "in_force")

    def __init__(
        self,
        listener: Listener,
        is_aimed_at: Callable[[str, bytes, int], bool],
        spared: frozenset[int],
        clock: RunningTime,
        is_observing: Callable[[], bool],
    ) -> None:
        self._loop = loop = Loop()
        self._is_observing = is_observing
        self._observed = Observed(clock)
        self._ending = False
        self._ended = allocate_lock()
        self._ended.acquire()
        self.in_force = InForce(loop.wake)
        relay = Relay(loop, self.in_force)
        self.control = Control(
            listener,
            loop,
            relay,
            self.in_force,
            is_aimed_at,
            spared,
            self._observed,
            is_observing,
        )
        clock.ring = loop.wake
        loop.when_woken(self._woken)
        start_new_thread(loop.run, ())

    def _woken(self) -> None:
        if not self._ending:
            self._observed.look()
            return
        try:
            asked, heard = self._is_observing(), bool(self.control.heard)
            self._observed.finish(asked=asked, heard=heard)
        finally:
            self._ended.release()

    def finish(self) -> None:
        """Log the last sums: the environment ends."""
        self._ending = True
        self._loop.wake()
        self._ended.acquire(timeout=_PATIENCE)


_started: list[_Service] = []


def start(
    listener: Listener,
    is_aimed_at: Callable[[str, bytes, int], bool],
    spared: frozenset[int],
    clock: RunningTime | None = None,
    is_observing: Callable[[], bool] = lambda: False,
) -> None:
    """Answer the shim from now on, in a thread of its own.

    `clock`: knows when the function runs. `is_observing()`: true if hosts are observed now.
    """
    _started.append(_Service(listener, is_aimed_at, spared, clock or RunningTime(), is_observing))


def finish() -> None:
    """Log what is still to be said of this environment."""
    for service in _started:
        service.finish()


def unfit() -> str:
    """Why no connection can be disturbed; empty if that is possible."""
    if not _started:
        return NOT_STARTED
    return "" if _started[0].control.heard else NOBODY


def running() -> InForce:
    """The conditions of the running service."""
    return _started[0].in_force
