"""Which faults hit an invocation: rate, match, limit and order, applied here once for all faults.

Given a seed, whether and how a fault hits depends on seed, fault and request id alone, not on
order or concurrency (`max` apart, which counts).
"""

from __future__ import annotations

from _random import Random
from _thread import allocate_lock
from posix import urandom
from time import time

from faultlayer.actions import BEFORE, Nothing
from faultlayer.invocation import Invocation
from faultlayer.log import emit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from faultlayer.actions import Action
    from faultlayer.counts import Count
    from faultlayer.match import Match
    from faultlayer.registry import Fault, Options

    Hash = Callable[[bytes], Any]

_SPAN = 1 << 53  # what a float holds exactly: one bit more, and the highest would round to 1
_SPARE = 64 - 53
_TOO_LATE = (
    "the start is over before a plan from there is known; allowed: variables, and a plan in them "
    "or in a file"
)


class Limit:
    """How many injections are left. Rules of successive plans that say the same share one.

    `count` keeps how many there were, for this process's successor in the same environment.
    """

    __slots__ = ("_count", "_lock", "_maximum", "left")

    def __init__(self, maximum: int, count: Count | None = None) -> None:
        self._maximum = maximum
        self._count = count
        self.left = maximum if count is None else max(maximum - count.used, 0)
        self._lock = allocate_lock()

    def claim(self) -> bool:
        """Count one injection; false where none is left. Safe between threads."""
        with self._lock:
            if self.left == 0:
                return False
            self.left -= 1
            if self._count is not None:
                self._count.save(self._maximum - self.left)
            return True

    def give_back(self) -> None:
        """Uncount an injection that did not come to pass."""
        with self._lock:
            self.left += 1
            if self._count is not None:
                self._count.save(self._maximum - self.left)


class Rule:
    """One fault with its options, its rate (0 to 1), its limit and its match (None: none).

    `nth`: which of this fault's rules it is. With a seed each of them draws its own numbers.
    """

    __slots__ = ("decide", "fault", "limit", "lot", "match", "options", "rate")

    def __init__(
        self,
        fault: Fault,
        options: Options,
        rate: float = 1.0,
        limit: Limit | None = None,
        match: Match | None = None,
        nth: int = 1,
    ) -> None:
        self.fault = fault
        self.options = options
        self.rate = rate
        self.match = match
        self.lot = fault.name if nth == 1 else f"{fault.name}#{nth}"
        self.decide = fault.decide
        self.limit = limit

    def claim(self) -> bool:
        """Count one injection; false where the limit is reached. Safe between threads."""
        return self.limit is None or self.limit.claim()

    def give_back(self) -> None:
        """Uncount an injection that did not come to pass."""
        if self.limit is not None:
            self.limit.give_back()


class Hit:
    """An action that a rule has claimed."""

    __slots__ = ("action", "rule")

    def __init__(self, rule: Rule, action: Action) -> None:
        self.rule = rule
        self.action = action

    def log(self, request_id: str | None, *, dry_run: bool = False) -> None:
        """Write the one line of this injection; None: into the start of the environment."""
        emit(
            "info",
            "fault_dry_run" if dry_run else "fault_injected",
            fault=self.rule.fault.name,
            **_where(request_id),
            **self.action.numbers,
        )

    def fail(self, request_id: str | None, error: Exception) -> None:
        """The fault's own code has failed: what it was to do does not count, and it is told of."""
        self.rule.give_back()
        broken(self.rule, request_id, error)


class Hits:
    """An invocation and what hits it, in order, at most one terminal action among it."""

    __slots__ = ("hits", "invocation")

    def __init__(self, invocation: Invocation, hits: list[Hit]) -> None:
        self.invocation = invocation
        self.hits = hits

    def log_dry_run(self) -> None:
        """Say what would have been injected."""
        for hit in self.hits:
            hit.log(self.invocation.request_id, dry_run=True)


def _sha256() -> Hash:
    """The hash function, found once per seed: most configurations have none."""
    try:
        from _sha2 import sha256  # type: ignore[import-not-found]
    except ImportError:  # before Python 3.12
        from _sha256 import sha256  # type: ignore[import-not-found]
    return sha256  # type: ignore[no-any-return]


def draws(sha256: Hash, seed: bytes, lot: str, request_id: bytes) -> tuple[float, float]:
    """Two uniform numbers in [0, 1): whether a rule hits an invocation, and how."""
    digest = sha256(b"%d:%b%b:%b" % (len(seed), seed, lot.encode(), request_id)).digest()
    whether, how = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:16], "big")
    return (whether >> _SPARE) / _SPAN, (how >> _SPARE) / _SPAN


def _invocation(
    data: bytes, lowered: bytes, content: Callable[[], bytes | None] | None
) -> Invocation:
    size = len(lowered)
    return Invocation(data[:size], lowered, content or (lambda: data[size:]))


# One text, since a fault's name in quotes is for the fault's own file alone.
_PHASE, _INIT = "phase init".split()  # noqa: SIM905


def _where(request_id: str | None) -> dict[str, str]:
    """What an injection, or none, is about: this invocation, or the start of the environment."""
    return {_PHASE: _INIT} if request_id is None else {"request_id": request_id}


def broken(rule: Rule, request_id: str | None, error: Exception) -> None:
    """Say that a fault's own code has failed: what it was to do is left out, and nothing else."""
    name, what = rule.fault.name, type(error).__name__
    emit("error", "internal_error", fault=name, **_where(request_id), message=what)


_mentioned: set[tuple[str, str]] = set()


def mention(rule: Rule, why: str, request_id: str | None) -> None:
    """Say once per execution environment why this fault leaves invocations, or the start, alone."""
    said = (rule.fault.name, why)
    if said in _mentioned:
        return
    _mentioned.add(said)
    emit("warn", "fault_not_applied", fault=said[0], **_where(request_id), message=why)


class Aim:
    """Rules in their order, the seed (None: chance alone), and whether to log only.

    `rules` may hit invocations, `starts` the start of the environment.

    From `start` on and before `end` (seconds since the epoch; None: unlimited) they may hit.
    """

    def __init__(
        self,
        rules: list[Rule],
        seed: str | None = None,
        *,
        dry_run: bool = False,
        start: float | None = None,
        end: float | None = None,
    ) -> None:
        in_order = sorted(rules, key=lambda rule: rule.fault.order)
        self.rules = [rule for rule in in_order if rule.fault.begin is None]
        self.starts = [rule for rule in in_order if rule.fault.begin is not None]
        self.dry_run = dry_run
        self._start = start
        self._end = end
        self._seed = (seed or "").encode()
        self._hash = None if seed is None else _sha256()
        self.renew()

    def renew(self) -> None:
        """Draw chance anew: after a restore, what all clones of one snapshot share must end."""
        self._random = Random(int.from_bytes(urandom(16), "big")).random

    def awaited(self) -> None:
        """The runtime asks for its first event: nothing is to be prepared here."""

    def begin(self) -> list[Hit]:
        """What hits the start of this environment, to be claimed when it comes to pass.

        By chance in any case: there is no request id yet that a seed could go by. A dry run says
        what would have hit, and a fault that breaks says so.
        """
        hits = []
        for rule in self.starts:
            begin = rule.fault.begin
            if begin is None or self._random() >= rule.rate or not self._open():
                continue
            try:
                action = begin(rule.options, self._random())
            except Exception as error:
                broken(rule, None, error)
                continue
            hit = None if action is None else Hit(rule, action)
            if hit is None or (rule.limit is not None and rule.limit.left == 0):
                continue
            if not self.dry_run:
                hits.append(hit)
            elif rule.claim():
                hit.log(None, dry_run=True)
        return hits

    def miss(self) -> None:
        """Say that this came too late for the start of the environment."""
        for rule in self.starts:
            mention(rule, _TOO_LATE, None)

    def over(self, now: float) -> bool:
        """Whether the window's end has come."""
        return self._end is not None and now >= self._end

    def _open(self) -> bool:
        """Whether the window is open, by what the wall clock says now: it may jump either way."""
        if self._start is None and self._end is None:
            return True
        now = time()
        return not self.over(now) and (self._start is None or now >= self._start)

    def decide(
        self, head: bytes, lowered: bytes, content: Callable[[], bytes | None] | None = None
    ) -> Hits | None:
        """What hits the invocation that came with this response head; None: nothing does.

        A dry run says what would have, and a fault that breaks says so: both hit nothing.
        `head` may hold more than the head, which `lowered` ends. `content` gives the event's
        bytes, where they are not simply what follows the head.
        """
        if self._hash is not None:
            return self._decide_seeded(self._hash, head, lowered, content)
        drawn, random = None, self._random
        for rule in self.rules:
            if random() < rule.rate:
                drawn = drawn or []
                drawn.append((rule, random()))
        if drawn is None:
            return None
        return self._hits(_invocation(head, lowered, content), drawn)

    def _decide_seeded(
        self,
        sha256: Hash,
        head: bytes,
        lowered: bytes,
        content: Callable[[], bytes | None] | None,
    ) -> Hits | None:
        invocation = _invocation(head, lowered, content)
        drawn = []
        for rule in self.rules:
            whether, how = draws(sha256, self._seed, rule.lot, invocation.id)
            if whether < rule.rate:
                drawn.append((rule, how))
        return self._hits(invocation, drawn) if drawn else None

    def _hits(self, invocation: Invocation, drawn: list[tuple[Rule, float]]) -> Hits | None:
        if not self._open():
            return None
        hits = []
        for rule, draw in drawn:
            try:
                if rule.match is not None and not rule.match.holds(invocation):
                    continue
                action = rule.decide(rule.options, invocation, draw)
            except Exception as error:
                if error is invocation.lost:  # no fault's doing: the event will not arrive
                    raise
                broken(rule, invocation.request_id, error)
                continue
            if isinstance(action, Nothing):
                mention(rule, action.why, invocation.request_id)
            elif action is not None:
                hits.append(Hit(rule, action))
        invocation.forget()
        if not hits:
            return None
        claimed = Hits(invocation, self._claimed(hits))
        if self.dry_run:
            claimed.log_dry_run()
            return None
        return claimed if claimed.hits else None

    @staticmethod
    def _claimed(hits: list[Hit]) -> list[Hit]:
        """Those within their limits; one terminal action bars the others, `before` bars `after`."""
        outcome: Hit | None = None
        for when in (True, False):
            for hit in hits:
                ours = hit.action.terminal and (hit.action.when == BEFORE) == when
                if ours and outcome is None and hit.rule.claim():
                    outcome = hit
        return [
            hit for hit in hits if hit is outcome or (not hit.action.terminal and hit.rule.claim())
        ]
