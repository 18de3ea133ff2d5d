"""A plan that may change while the environment lives: read anew beside the handler.

It promises that no event waits for a source: the event that finds the plan old is judged by it,
and wakes the one thread that reads. A source that is slow, gone or makes no sense leaves the last
good plan in force. What is logged are changes, not polls. There is no timer: an environment that
is frozen asks nobody, and a clock that jumps either way, or stands still, costs one poll at most.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock, start_new_thread
from time import monotonic, sleep, time

from faultlayer.log import emit
from faultlayer.settings.configuration import PLAN, told, wrong_with
from faultlayer.settings.plan import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.settings.configuration import Config
    from faultlayer.settings.sources import Source
    from faultlayer.targeting.injection import Chosen

_NEVER = float("-inf")
_SLICE = 0.0002  # seconds that an event may have to wait while a new plan is taken apart
_SETTLE = 0.1  # seconds until what was read in the middle of being written is read again
_MOST_SAID = 16  # reasons of one trouble: what a source says anew each time must not fill the log


class Live:
    """What `Chooser` is to the proxy, by the plan that was read last (at first: no plan)."""

    __slots__ = (
        "_aim",
        "_bell",
        "_found",
        "_gate",
        "_known",
        "_poll",
        "_said",
        "_settings",
        "_since",
        "_since_wall",
        "_source",
        "_until",
        "_until_wall",
        "_wrong",
    )

    def __init__(self, settings: Config, source: Source) -> None:
        self._settings = settings
        self._source = source
        self._poll = settings.poll
        self._aim = settings.aim
        # The plan is young within these times, of one clock and of the other.
        self._since = self._since_wall = _NEVER
        self._until = self._until_wall = _NEVER
        self._gate = allocate_lock()
        self._bell = allocate_lock()
        self._bell.acquire()
        # What follows is the reading thread's own.
        self._known = settings.plan is not None
        self._found = settings.found  # what was read last
        self._wrong: str | None = settings.failing  # with that, where it is no plan
        self._said = {settings.failing} if settings.failing else set()  # of the present trouble

    # -- the data path ------------------------------------------------------------------------

    def decide(
        self, head: bytes, lowered: bytes, content: Callable[[], bytes | None] | None = None
    ) -> Chosen | None:
        """As `Chooser.decide`. An old plan still judges this event; its successor is on the way."""
        # One clock may stand still where the environment does, the other may be set.
        young = self._since <= monotonic() < self._until
        if not (young and self._since_wall <= time() < self._until_wall):
            self._wake()
        aim = self._aim
        return None if aim is None else aim.decide(head, lowered, content)

    def renew(self) -> None:
        """After a restore chance is drawn anew, and the plan that the snapshot knew is old."""
        with self._gate:
            self._until = _NEVER
        if self._aim is not None:
            self._aim.renew()

    def awaited(self) -> None:
        """The runtime asks for its first event: all extensions have started."""
        if self._source.before_events:
            self._wake()

    def _wake(self) -> None:
        """Have the plan read anew, once for all who find it old."""
        with self._gate:
            now, wall = monotonic(), time()
            young = self._since <= now < self._until
            if young and self._since_wall <= wall < self._until_wall:
                return  # another event has woken it meanwhile
            self._since, self._until = now, now + self._poll
            self._since_wall, self._until_wall = wall, wall + self._poll
            try:
                self._bell.release()
            except RuntimeError:  # it rings already, and will be heard
                pass

    # -- beside it ----------------------------------------------------------------------------

    def run(self) -> None:
        """Read whenever woken, for ever."""
        while True:
            self._bell.acquire()
            try:
                self._refresh()
            except Exception as error:
                self._found = None
                self._fail(f"cannot be read: {type(error).__name__}")

    def _refresh(self) -> None:
        wrong = self._look()
        if wrong is not None and self._source.torn:
            sleep(_SETTLE)
            wrong = self._look()
        if wrong is not None:
            self._fail(wrong)

    def _look(self) -> str | None:
        """Read the source, and put what is new there in force; what is wrong, if anything is."""
        try:
            found = self._source.fetch()
        except ValueError as error:
            return str(error)
        changed = found != self._found
        if changed:
            self._wrong = self._take(found)
            self._found = found
        if self._wrong is None and (changed or self._said):
            self._said.clear()
            emit("info", "plan_loaded", kind=self._source.kind, rules=self._rules())
        return self._wrong

    def _rules(self) -> int:
        return 0 if self._aim is None else len(self._aim.rules)

    def _take(self, found: str | bytes) -> str | None:
        """Put this plan in force; where that cannot be, what is wrong with it."""
        plan = read(found)
        if plan.stopped:
            return wrong_with(plan)
        if self._settings.conflict(plan):
            return "leaves no time between its start or end and those that the variables say"
        self._aim = self._settings.aimed(plan)
        if self._aim is not None and not self._source.at_start:
            self._aim.miss()
        self._known = True
        for problem in told(plan):
            emit("error", "config_error", variable=problem.variable, message=problem.message)
        return None

    def _fail(self, reason: str) -> None:
        """Say why, unless that is said already: the last good plan stays in force."""
        if reason in self._said or len(self._said) >= _MOST_SAID:
            return
        self._said.add(reason)
        effect = "the last good plan stays" if self._known else "nothing is injected"
        message = f"{reason}; {effect}"
        emit("warn", "plan_failed", variable=PLAN, kind=self._source.kind, message=message)


def begin(settings: Config, source: Source) -> Live:
    """Read this source from now on whenever that is due, in a thread of its own."""
    live = Live(settings, source)
    sys.setswitchinterval(_SLICE)
    start_new_thread(live.run, ())
    return live
