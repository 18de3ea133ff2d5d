"""The room's life: one thread for the control socket and the relay.

startup: listen ──> main: start ──> acting: running().begin / end ──> main: finish
"""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread

from faultlayer.dependencies.conditions import UNTOUCHED, InForce
from faultlayer.dependencies.control import Control
from faultlayer.dependencies.loop import Loop
from faultlayer.dependencies.observed import Observed
from faultlayer.dependencies.relay import Relay
from faultlayer.dependencies.running_time import RunningTime
from faultlayer.dependencies.ways import Ways

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.startup.control_socket import Sockets

NOT_STARTED = "connections are not redirected: no fault of connections was configured at the start"

_PATIENCE = 1.0  # seconds for the last sums: Lambda grants two to end


class _Service:
    """The running service, and the way to end it."""

    __slots__ = (
        "_ended",
        "_ending",
        "_is_observing",
        "_loop",
        "_observed",
        "control",
        "in_force",
        "ways",
    )

    def __init__(
        self,
        sockets: Sockets,
        is_aimed_at: Callable[[str, bytes, int], bool],
        spared: frozenset[int],
        clock: RunningTime,
        is_observing: Callable[[], bool],
        *,
        wanted: bool,
    ) -> None:
        self._loop = loop = Loop()
        self._is_observing = is_observing
        self._observed = Observed(clock)
        self._ending = False
        self._ended = allocate_lock()
        self._ended.acquire()
        self.in_force = InForce(loop.wake)
        self.ways = Ways(wanted=wanted)
        relay = Relay(loop, self.in_force)
        if sockets.proxy is not None:
            from faultlayer.dependencies.http_proxy import HttpProxy

            spared |= {sockets.proxy.getsockname()[1]}
            proxy = HttpProxy(sockets.proxy, sockets.credentials(), loop, relay, self.in_force)
            proxy.sum_up(self._observed, is_observing)
        self.control = Control(
            sockets.control,
            loop,
            relay,
            self.in_force,
            is_aimed_at,
            spared,
            self._observed,
            is_observing,
            self.ways,
        )
        clock.ring = loop.wake
        loop.when_woken(self._woken)
        start_new_thread(loop.run, ())

    def _woken(self) -> None:
        if not self._ending:
            self._observed.look()
            return
        try:
            self._observed.finish(
                asked=self._is_observing(),
                why_closed=self.ways.why_closed,
                is_proxy=self.ways.is_proxy,
            )
        finally:
            self._ended.release()

    def finish(self) -> None:
        """Log the last sums: the environment ends."""
        self._ending = True
        self._loop.wake()
        self._ended.acquire(timeout=_PATIENCE)


_started: list[_Service] = []


def start(
    sockets: Sockets,
    is_aimed_at: Callable[[str, bytes, int], bool],
    spared: frozenset[int],
    clock: RunningTime | None = None,
    is_observing: Callable[[], bool] = lambda: False,
    *,
    wanted: bool = False,
) -> None:
    """Answer the shim and the proxy's clients in a new thread.

    `clock`: knows when the function runs. `is_observing()`: true if hosts are observed now.
    `wanted`: a rule of the start aims at connections, or they are observed.
    """
    clock = clock or RunningTime()
    _started.append(_Service(sockets, is_aimed_at, spared, clock, is_observing, wanted=wanted))


def finish() -> None:
    """Log the hosts that are not logged yet, at the environment's end."""
    for service in _started:
        service.finish()


def unfit() -> str:
    """Why no connection can be disturbed; empty if that is possible."""
    if not _started:
        return NOT_STARTED
    return _started[0].ways.unfit()


def untouched() -> str:
    """The reason that a disturbance in force has touched no connection."""
    return _started[0].ways.untouched() if _started else UNTOUCHED


def running() -> InForce:
    """The conditions of the running service."""
    return _started[0].in_force
