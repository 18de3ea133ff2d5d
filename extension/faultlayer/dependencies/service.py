"""The room's life: one thread with the control socket and the relay, from the start on.

startup: listen ──> main: start ──> acting: running().begin / end
"""

from __future__ import annotations

from _thread import start_new_thread

from faultlayer.dependencies.conditions import InForce
from faultlayer.dependencies.control import Control
from faultlayer.dependencies.loop import Loop
from faultlayer.dependencies.relay import Relay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.startup.control_socket import Listener

NOBODY = (
    "no process of the function has loaded the shim, so its connections cannot be disturbed: it "
    "was started without the wrapper, drops LD_PRELOAD, or is a static program"
)
NOT_STARTED = "connections are not redirected: no fault of connections was configured at the start"

_started: list[tuple[Control, InForce]] = []


def start(
    listener: Listener,
    is_aimed_at: Callable[[str, bytes, int], bool],
    spared: frozenset[int],
) -> None:
    """Answer the shim from now on, in a thread of its own."""
    loop = Loop()
    in_force = InForce(loop.wake)
    control = Control(listener, loop, Relay(loop, in_force), in_force, is_aimed_at, spared)
    _started.append((control, in_force))
    start_new_thread(loop.run, ())


def unfit() -> str:
    """Why no connection can be disturbed; empty if that is possible."""
    if not _started:
        return NOT_STARTED
    return "" if _started[0][0].heard else NOBODY


def running() -> InForce:
    """The conditions of the running service."""
    return _started[0][1]
