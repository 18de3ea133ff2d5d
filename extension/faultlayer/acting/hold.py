"""What an invocation holds of the execution environment: space, memory, processors.

It promises that whatever is taken for an invocation is given back once, when that ends: with the
answer, or at the latest at the first poll after the deadline. What ends our own process (a crash
of the runtime, a timeout, SHUTDOWN: Lambda ends all processes) frees it as well, since nothing is
held but by open files and by processes that end with us.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

import posix
from _thread import allocate_lock
from time import monotonic, time

from faultlayer.targeting.injection import broken, mention
from faultlayer.values.kinds import LONGEST
from faultlayer.vocabulary.actions import Hold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.targeting.injection import Hit

_lock = allocate_lock()
_held: list[Sandbox] = []


class Sandbox:
    """What one invocation holds.

    `runtime_api`: the address (host:port) that the runtime was given. `until`: when Lambda ends
    the invocation at the latest, by the monotonic clock.
    """

    __slots__ = ("_over", "_releases", "runtime_api", "until")

    def __init__(self, runtime_api: bytes, deadline: float | None) -> None:
        self.runtime_api = runtime_api
        left = LONGEST if deadline is None else min(deadline - time(), LONGEST)
        self.until = monotonic() + left
        self._over = False
        self._releases: list[Callable[[], None]] = []

    def take(self, hits: list[Hit], request_id: str) -> None:
        """Take what these ask for; one for which there is nothing to be had does not count."""
        release_overdue()
        with _lock:
            _held.append(self)
        for hit in hits:
            assert isinstance(hit.action, Hold)
            try:
                release, numbers = hit.action.take(self)
            except (OSError, ValueError) as error:
                why = posix.strerror(error.errno or 0) if isinstance(error, OSError) else error
                hit.rule.give_back()
                mention(hit.rule, str(why), request_id)
            except Exception as error:
                hit.fail(request_id, error)
            else:
                self._keep(_telling(release, hit, request_id))
                hit.action.numbers.update(numbers)
                hit.log(request_id)

    def _keep(self, release: Callable[[], None]) -> None:
        with _lock:
            if not self._over:
                self._releases.append(release)
                return
        release()  # it was overdue before all was taken

    def release(self) -> None:
        """Give everything back, once."""
        with _lock:
            self._over = True
            if self in _held:
                _held.remove(self)
            releases, self._releases = self._releases, []
        for release in reversed(releases):
            release()


def _telling(release: Callable[[], None], hit: Hit, request_id: str) -> Callable[[], None]:
    """The same, which tells whose it was where it fails."""

    def told() -> None:
        try:
            release()
        except Exception as error:
            broken(hit.rule, request_id, error)

    return told


def release_overdue() -> None:
    """Give back what invocations hold that Lambda has ended, though nobody has answered them."""
    now = monotonic()
    for sandbox in _held.copy():
        if now >= sandbox.until:
            sandbox.release()
