"""A live plan: the plan of a source, read again while the environment lives.

    event ──> decide by the plan in force ──> injections
                │ if that plan is old: ring
                v
    reading thread ── fetch ── read ── Chooser ──> the plan in force

- No event waits for a source: the event that finds the plan old is still judged by it, and wakes
  the one thread that reads.
- The last good plan stays in force if a source is slow or gone, or holds no valid plan.
- Changes are logged, polls are not.
- There is no timer: a frozen environment asks nobody. A clock that jumps either way, or stands
  still, costs at most one poll.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock, start_new_thread
from time import monotonic, sleep, time

from faultlayer.log import emit
from faultlayer.settings.configuration import (
    PLAN,
    plan_problems,
    stopping_problem,
    window_conflict,
)
from faultlayer.settings.plan import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.settings.configuration import Configuration
    from faultlayer.settings.sources import Source
    from faultlayer.targeting.injection import Chosen
    from faultlayer.targeting.rules import Rule

_NEVER = float("-inf")
_SLICE = 0.0002  # seconds: the longest wait of an event while a new plan is parsed
_SETTLE = 0.1  # seconds until a file that may be half written is read again
_MOST_LOGGED = 16  # reasons in a row: a source with ever new ones must not fill the log


class Live:
    """Chooses as `Chooser` does, by the plan in force: the last good one (at first, maybe none)."""

    __slots__ = (
        "_bell",
        "_chooser",
        "_configuration",
        "_failure",
        "_found",
        "_gate",
        "_known",
        "_logged",
        "_poll",
        "_since",
        "_since_wall",
        "_source",
        "_threadless",
        "_until",
        "_until_wall",
    )

    def __init__(self, configuration: Configuration, source: Source) -> None:
        self._configuration = configuration
        self._source = source
        self._poll = configuration.settings.poll
        self._chooser = configuration.chooser
        # The plan is young within these times, of one clock and of the other.
        self._since = self._since_wall = _NEVER
        self._until = self._until_wall = _NEVER
        self._gate = allocate_lock()
        self._bell = allocate_lock()
        self._bell.acquire()
        self._threadless = False  # the reading thread could not be started
        # The reading thread alone uses these, once it was started.
        self._known = configuration.plan is not None
        self._found = configuration.found  # the content that was read last
        self._failure = configuration.failure  # why that content is no plan; None if it is one
        # The reasons that were logged since the last good plan.
        self._logged = {self._failure} if self._failure else set()

    # -- the data path ------------------------------------------------------------------------

    def decide(
        self, head: bytes, lowered: bytes, content: Callable[[], bytes | None] | None = None
    ) -> Chosen | None:
        """As `Chooser.decide`. An old plan still judges this event; its successor is on the way."""
        # One clock may stand still in a frozen environment, the other may be set.
        young = self._since <= monotonic() < self._until
        if not (young and self._since_wall <= time() < self._until_wall):
            self._wake()
        chooser = self._chooser
        return None if chooser is None else chooser.decide(head, lowered, content)

    @property
    def rules(self) -> list[Rule]:
        """The rules of the plan in force."""
        return [] if self._chooser is None else self._chooser.rules

    def observes(self, what: str) -> bool:
        """As `Chooser.observes`, by the plan in force."""
        return self._chooser is not None and self._chooser.observes(what)

    def renew(self) -> None:
        """After a restore: draw by new chance, and take the plan in the snapshot as old."""
        with self._gate:
            self._until = _NEVER
        if self._chooser is not None:
            self._chooser.renew()

    def awaited(self) -> None:
        """Read the plan at the runtime's first poll: all extensions have started."""
        if self._source.before_events:
            self._wake()

    def _wake(self) -> None:
        """Wake the reading thread, once for all events that find the plan old."""
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
            if self._threadless:
                self._start()

    # -- beside it ----------------------------------------------------------------------------

    def start(self) -> None:
        """Start the reading thread. If that fails, it is tried again when the plan is old."""
        with self._gate:
            self._start()

    def _start(self) -> None:
        try:
            start_new_thread(self.run, ())
            self._threadless = False
        except (RuntimeError, MemoryError):
            self._threadless = True
            self._fail("cannot be read: no thread can be started")

    def run(self) -> None:
        """Read whenever woken, until the process ends."""
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
        """Read the source and put a new plan in force. Returns why it cannot be used, if so."""
        try:
            found = self._source.fetch()
        except ValueError as error:
            return str(error)
        changed = found != self._found
        if changed:
            self._failure = self._take(found)
            self._found = found
        if self._failure is None and (changed or self._logged):
            self._logged.clear()
            emit("info", "plan_loaded", kind=self._source.kind, rules=self._rules())
        return self._failure

    def _rules(self) -> int:
        return 0 if self._chooser is None else len(self._chooser.rules)

    def _take(self, found: str | bytes) -> str | None:
        """Put this plan in force. Returns why it cannot be used, if so."""
        plan = read(found)
        if plan.stopped:
            return stopping_problem(plan)
        if window_conflict(self._configuration.settings, plan):
            return "leaves no time between its start or end and those of the variables"
        from faultlayer.targeting.injection import forget_reasons

        forget_reasons()
        self._chooser = self._configuration.chooser_for(plan)
        if self._chooser is not None and not self._source.at_start:
            self._chooser.miss()
        self._known = True
        over = self._configuration.ended(plan, time())
        if over is not None:
            emit("info", "window_over", variable=over.variable, message=over.message)
        for problem in plan_problems(plan):
            emit("error", "config_error", variable=problem.variable, message=problem.message)
        return None

    def _fail(self, reason: str) -> None:
        """Log why the last good plan stays in force, unless that is logged already."""
        if reason in self._logged or len(self._logged) >= _MOST_LOGGED:
            return
        self._logged.add(reason)
        effect = "the last good plan stays" if self._known else "nothing is injected"
        message = f"{reason}; {effect}"
        emit("warn", "plan_failed", variable=PLAN, kind=self._source.kind, message=message)


def begin(configuration: Configuration, source: Source) -> Live:
    """Read this source from now on if its plan is old, in a thread of its own."""
    live = Live(configuration, source)
    sys.setswitchinterval(_SLICE)
    live.start()
    return live
