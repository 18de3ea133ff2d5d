"""Which faults hit an invocation: rate, match, limit and order, applied here once for all faults.

Given a seed, whether and how a fault hits depends on seed, fault and request id alone, not on
order or concurrency (`max` apart, which counts).
"""

from __future__ import annotations

from _random import Random
from posix import urandom
from time import time

from faultlayer.targeting.injection import Hit, Hits, broken, mention
from faultlayer.vocabulary.actions import BEFORE, Nothing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from faultlayer.targeting.rules import Rule
    from faultlayer.vocabulary.actions import Action
    from faultlayer.vocabulary.invocation import Invocation

    Hash = Callable[[bytes], Any]

_SPAN = 1 << 53  # what a float holds exactly: one bit more, and the highest would round to 1
_SPARE = 64 - 53
_TOO_LATE = (
    "the start is over before a plan from there is known; allowed: variables, and a plan in them "
    "or in a file"
)


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


def applied(rule: Rule, invocation: Invocation, draw: float) -> Action | None:
    """The rule's action on this invocation; None if it does not match or does not apply."""
    if rule.match is not None and not rule.match.holds(invocation):
        return None
    return rule.decide(rule.options, invocation, draw)


def first_outcome(hits: list[Hit], claim: Callable[[Hit], bool]) -> Hit | None:
    """The terminal hit that decides the outcome: the first that can be claimed, `before` first."""
    for before in (True, False):
        for hit in hits:
            if hit.action.terminal and (hit.action.when == BEFORE) == before and claim(hit):
                return hit
    return None


_Invocation: type[Invocation] | None = None


def _invocation(
    data: bytes, lowered: bytes, content: Callable[[], bytes | None] | None
) -> Invocation:
    global _Invocation
    if _Invocation is None:
        # Not before registration: with `http.framing` it takes as long to import as all of this
        # room. And once: an import statement costs 0.7 us at each event.
        from faultlayer.vocabulary.invocation import Invocation

        _Invocation = Invocation
    size = len(lowered)
    return _Invocation(data[:size], lowered, content or (lambda: data[size:]))


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
        self.seed = (seed or "").encode()
        self.hash = None if seed is None else _sha256()
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
        if self.hash is not None:
            return self._decide_seeded(self.hash, head, lowered, content)
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
            whether, how = draws(sha256, self.seed, rule.lot, invocation.id)
            if whether < rule.rate:
                drawn.append((rule, how))
        return self._hits(invocation, drawn) if drawn else None

    def _hits(self, invocation: Invocation, drawn: list[tuple[Rule, float]]) -> Hits | None:
        if not self._open():
            return None
        hits = []
        for rule, draw in drawn:
            try:
                action = applied(rule, invocation, draw)
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
        outcome = first_outcome(hits, lambda hit: hit.rule.claim())
        return [
            hit for hit in hits if hit is outcome or (not hit.action.terminal and hit.rule.claim())
        ]
