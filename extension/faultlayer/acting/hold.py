"""Parts of the environment held for an invocation: space, memory, processors.

    Hold(Space | Memory | Cores) ──_HOLDERS──> environment: take ──> how to release it, numbers

Everything held for an invocation is released once, when the invocation ends: with the result, or at
the latest at the first poll after the deadline. If this process ends (a crash of the runtime, a
timeout, SHUTDOWN: Lambda ends all processes), all is freed as well, since it is held by open files
and by processes that end with this one.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

import posix
from _thread import allocate_lock
from time import monotonic, time

from faultlayer.acting.actors import Actor
from faultlayer.targeting.injection import log_failure
from faultlayer.values.kinds import LONGEST
from faultlayer.vocabulary.actions import Cores, Memory, Space

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from faultlayer.acting.actors import Turn
    from faultlayer.environment.holdings import Take
    from faultlayer.targeting.injection import Injection

# The module of `environment` for each type of request.
_HOLDERS: dict[type, str] = {Space: "space", Memory: "held_memory", Cores: "busy_cores"}
_lock = allocate_lock()
_held: list[Sandbox] = []


def holder_of(request: Any) -> Take:
    """The function that takes space, memory or processors for this request."""
    module = __import__("faultlayer.environment." + _HOLDERS[type(request)], None, None, ("take",))
    take: Take = module.take
    return take


class Holding(Actor):
    """Takes space, memory or processors before the function gets the event."""

    place = 3

    def before(self, turn: Turn, injections: list[Injection]) -> None:
        if injections:
            turn.pending.sandbox = Sandbox(turn.runtime_api, turn.deadline)
            turn.pending.sandbox.take(injections)


class Sandbox:
    """The holdings of one invocation.

    - `runtime_api`: the address (host:port) that the runtime was given
    - `until`: when Lambda ends the invocation at the latest, by the monotonic clock
    """

    __slots__ = ("_over", "_releases", "runtime_api", "until")

    def __init__(self, runtime_api: bytes, deadline: float | None) -> None:
        self.runtime_api = runtime_api
        seconds = LONGEST if deadline is None else min(deadline - time(), LONGEST)
        self.until = monotonic() + seconds
        self._over = False
        self._releases: list[Callable[[], None]] = []

    def take(self, injections: list[Injection]) -> None:
        """Take the holdings of these injections; skip one if nothing is left to take."""
        release_overdue()
        with _lock:
            _held.append(self)
        for injection in injections:
            try:
                request = injection.action.request
                release, numbers = holder_of(request)(request, self)
            except (OSError, ValueError) as error:
                why = posix.strerror(error.errno or 0) if isinstance(error, OSError) else error
                injection.skipped(str(why))
            except Exception as error:
                injection.failed(error)
            else:
                self._keep(_logging(release, injection))
                injection.happened(**numbers)

    def _keep(self, release: Callable[[], None]) -> None:
        with _lock:
            if not self._over:
                self._releases.append(release)
                return
        release()  # it was overdue before all was taken

    def release(self) -> None:
        """Release everything, once."""
        with _lock:
            self._over = True
            if self in _held:
                _held.remove(self)
            releases, self._releases = self._releases, []
        for release in reversed(releases):
            release()


def _logging(release: Callable[[], None], injection: Injection) -> Callable[[], None]:
    """The same function, which logs if it fails."""

    def logged() -> None:
        try:
            release()
        except Exception as error:
            log_failure(injection.rule, injection.request_id, error)

    return logged


def release_overdue() -> None:
    """Release the holdings of invocations that Lambda has ended without a result."""
    now = monotonic()
    for sandbox in _held.copy():
        if now >= sandbox.until:
            sandbox.release()
