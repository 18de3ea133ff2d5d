"""The runtime killed: before it sees the event, while it works, or when it has answered.

    found, stopped ──> the line of the log ──> all else withdrawn and released ──> killed

The line is written before the kill, since Lambda ends this process with the runtime. But not before
the runtime is stopped: then it cannot end by itself, and who may stop it may kill it. If it is not
killed all the same, the line is taken back by another one.
"""

from __future__ import annotations

import _thread
import posix
from time import monotonic, sleep

from faultlayer.acting.actors import Actor
from faultlayer.acting.pending import GRACE
from faultlayer.environment.processes import Runtime
from faultlayer.vocabulary.actions import BEFORE, Crash, milliseconds
from faultlayer.wire.sockets import Gone, wait_for_input

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from faultlayer.acting.actors import Turn
    from faultlayer.acting.pending import Pending
    from faultlayer.targeting.injection import Injection

_LOOK = 0.05  # seconds between two looks whether the function has answered
_NOT_FOUND = "no process was found that has the proxy's address in its environment"


def crash(injection: Injection, address: bytes, end: Callable[[], object], **numbers: Any) -> bool:
    """Kill the runtime that was given this address; false, and logged, if that cannot be.

    `end` is called right before; `numbers` are for the line of the log.
    """
    try:
        stopped = Runtime(address).stop()
    except OSError as error:
        injection.skipped(_refused(error))
        return False
    if not stopped:
        injection.skipped(_NOT_FOUND)
        return False
    injection.happened(**numbers)
    end()
    try:
        if stopped.kill():
            return True
        why = "the runtime had ended by itself"
    except OSError as error:
        why = _refused(error)
    injection.retracted(why)
    return False


def _passed(injection: Injection, pending: Pending) -> dict[str, float]:
    """How long the function had the event, for the line of the log."""
    if injection.action.when == BEFORE:
        return {}
    return {"after_ms": milliseconds(monotonic() - pending.handed)}


def _refused(error: OSError) -> str:
    return f"the runtime cannot be killed: {posix.strerror(error.errno or 0)}"


class Crashing(Actor):
    """Kills the runtime, once. If no runtime is found, the invocation goes on."""

    place = 1

    def before(self, turn: Turn, injections: list[Injection]) -> None:
        fatal = turn.pending.fatal
        fatal += injections
        # From here on it is in one place alone: the thread that takes it from there settles it.
        turn.pending.groups[Crash].clear()
        if fatal and fatal[0].action.when == BEFORE:
            self._kill(turn)

    def meanwhile(self, turn: Turn, injections: list[Injection]) -> None:
        fatal = turn.pending.fatal
        for injection in fatal[:]:
            try:
                until = monotonic() + injection.action.seconds
            except Exception as error:
                fatal.remove(injection)
                injection.failed(error)
                continue
            turn.pending.handed = until - injection.action.seconds
            wait_for_input(turn.runtime.peer, until, monotonic, lambda: bool(fatal))
            if monotonic() >= until or not fatal:
                self._kill(turn)
                continue
            # Only the connection's own thread can tell whether that is the result (after which it
            # kills the runtime), or a poll of a runtime that asks ahead of its results.
            try:
                _thread.start_new_thread(self._kill_at, (turn, until))
            except (RuntimeError, MemoryError) as error:
                fatal.remove(injection)
                injection.failed(error)

    @staticmethod
    def _kill_at(turn: Turn, until: float) -> None:
        """Kill the runtime at that time, unless another connection's thread was first."""
        pending = turn.pending
        while pending.fatal and (left := until - monotonic()) > 0:
            sleep(min(left, _LOOK))
        try:
            injection = pending.fatal.pop()
        except IndexError:
            return
        crash(injection, turn.runtime_api, pending.end, **_passed(injection, pending))

    def after(self, turn: Turn, injections: list[Injection]) -> None:
        self._kill(turn)

    @staticmethod
    def _kill(turn: Turn) -> None:
        """Kill the runtime and raise Gone, unless another connection's thread was first."""
        try:
            injection = turn.pending.fatal.pop()
        except IndexError:
            return
        numbers = _passed(injection, turn.pending)
        if crash(injection, turn.runtime_api, turn.pending.end, **numbers):
            turn.runtime.wait(GRACE)
            raise Gone("the runtime, which was killed")
