"""Choose which rules hit an invocation: rate, match, limit and order, once for all faults.

    drawn by rate ── window ── match ── the fault's decision ── limit, one outcome ──> injections

The rate is first, since it needs nothing but a number: an invocation for which no rule is drawn is
not even looked at. With a seed, whether and how a rule hits depends on the seed, the rule and the
request id alone, not on order or concurrency (`max` apart, which counts).
"""

from __future__ import annotations

from _random import Random
from posix import urandom

from faultlayer.targeting.injection import Candidate, Chosen, log_failure, log_not_applied
from faultlayer.vocabulary.actions import BEFORE, NotApplicable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from faultlayer.targeting.injection import Injection
    from faultlayer.targeting.rules import Rule, RuleSet
    from faultlayer.vocabulary.actions import Action
    from faultlayer.vocabulary.invocation import Invocation

    Hash = Callable[[bytes], Any]

_SPAN = 1 << 53  # a float holds 53 bits exactly: with one more the highest would round to 1
_SPARE = 64 - 53
_TOO_LATE = (
    "the environment has started before a plan from there is known; allowed: variables, and a "
    "plan in them or in a file"
)


def _sha256() -> Hash:
    """The hash function. Loaded only with a seed: most configurations have none."""
    try:
        from _sha2 import sha256  # type: ignore[import-not-found]
    except ImportError:  # before Python 3.12
        from _sha256 import sha256  # type: ignore[import-not-found]
    return sha256  # type: ignore[no-any-return]


def draws(sha256: Hash, seed: bytes, draw_name: str, request_id: bytes) -> tuple[float, float]:
    """Two uniform numbers in [0, 1): whether a rule hits an invocation, and how."""
    digest = sha256(b"%d:%b%b:%b" % (len(seed), seed, draw_name.encode(), request_id)).digest()
    whether, how = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:16], "big")
    return (whether >> _SPARE) / _SPAN, (how >> _SPARE) / _SPAN


def action_of(rule: Rule, invocation: Invocation, draw: float) -> Action | None:
    """The rule's action on this invocation; None if it does not match or does not apply."""
    if rule.match is not None and not rule.match.holds(invocation):
        return None
    return rule.decide(rule.options, invocation, draw)


def outcomes(candidates: list[Candidate]) -> Iterator[Candidate]:
    """The terminal candidates, the first choice first: `before` bars `after`."""
    for before in (True, False):
        for candidate in candidates:
            action = candidate.action
            if action.terminal and (action.when == BEFORE) == before:
                yield candidate


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


class Chooser:
    """Chooses by one rule set, with the chance of this environment or by the rule set's seed."""

    def __init__(self, rule_set: RuleSet) -> None:
        self.rule_set = rule_set
        self.rules = rule_set.rules
        self.starts = rule_set.starts
        self.dry_run = rule_set.dry_run
        self.is_open = rule_set.is_open
        self.seed = (rule_set.seed or "").encode()
        self.hash = None if rule_set.seed is None else _sha256()
        self.renew()

    def observes(self, what: str) -> bool:
        """True if these things are observed now.

        `what`: a word of FAULTLAYER_OBSERVE.
        """
        return what in self.rule_set.observed and self.is_open()

    def renew(self) -> None:
        """Draw by new chance. After a restore all clones of one snapshot would draw the same."""
        self._random = Random(int.from_bytes(urandom(16), "big")).random

    def awaited(self) -> None:
        """The runtime asks for its first event: nothing is to be prepared here."""

    # -- the start of an environment ----------------------------------------------------------

    def begin(self) -> list[Candidate]:
        """The actions on the start of this environment. Each is claimed when it happens.

        Always by chance: there is no request id yet for a seed to draw by. A dry run logs them and
        returns none. A fault that raises is logged.
        """
        candidates = []
        for rule in self.starts:
            begin = rule.fault.begin
            if begin is None or self._random() >= rule.rate or not self.is_open():
                continue
            try:
                action = begin(rule.options, self._random())
            except Exception as error:
                log_failure(rule, None, error)
                continue
            if action is None or rule.is_used_up:
                continue
            if isinstance(action, NotApplicable):
                log_not_applied(rule, action.why, None)
                continue
            candidate = Candidate(rule, action)
            if not self.dry_run:
                candidates.append(candidate)
            elif injection := candidate.claim(None, dry_run=True):
                injection.happened()
        return candidates

    def miss(self) -> None:
        """Log that these rules came too late for the start of the environment."""
        for rule in self.starts:
            log_not_applied(rule, _TOO_LATE, None)

    # -- invocations --------------------------------------------------------------------------

    def decide(
        self, head: bytes, lowered: bytes, content: Callable[[], bytes | None] | None = None
    ) -> Chosen | None:
        """Choose the injections into the invocation that came with this response head.

        None if there is none. A dry run logs them and injects none. `head` may hold more than the
        head, which is as long as `lowered`. `content` gives the event's bytes, if they are not
        simply what follows the head.
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
        return self._choose(_invocation(head, lowered, content), drawn)

    def _decide_seeded(
        self,
        sha256: Hash,
        head: bytes,
        lowered: bytes,
        content: Callable[[], bytes | None] | None,
    ) -> Chosen | None:
        invocation = _invocation(head, lowered, content)
        drawn = []
        for rule in self.rules:
            whether, how = draws(sha256, self.seed, rule.draw_name, invocation.id)
            if whether < rule.rate:
                drawn.append((rule, how))
        return self._choose(invocation, drawn) if drawn else None

    def _choose(self, invocation: Invocation, drawn: list[tuple[Rule, float]]) -> Chosen | None:
        if not self.is_open():
            return None
        candidates = []
        for rule, draw in drawn:
            try:
                action = action_of(rule, invocation, draw)
            except Exception as error:
                if error is invocation.lost:  # not the fault's doing: the event will not arrive
                    raise
                log_failure(rule, invocation.request_id, error)
                continue
            if type(action) is NotApplicable:
                log_not_applied(rule, action.why, invocation.request_id)
            elif action is not None:
                candidates.append(Candidate(rule, action))
        invocation.forget()
        injections = self._claim(candidates, invocation.request_id) if candidates else []
        if self.dry_run:
            for injection in injections:
                injection.happened()
            return None
        return Chosen(invocation, injections) if injections else None

    def _claim(self, candidates: list[Candidate], request_id: str) -> list[Injection]:
        """Claim those within their limits, and one terminal action alone."""
        outcome: Candidate | None = None
        last: Injection | None = None
        for candidate in outcomes(candidates):
            last = candidate.claim(request_id, dry_run=self.dry_run)
            if last is not None:
                outcome = candidate
                break
        injections = []
        for candidate in candidates:
            claimed = last if candidate is outcome else None
            if not candidate.action.terminal:
                claimed = candidate.claim(request_id, dry_run=self.dry_run)
            if claimed is not None:
                injections.append(claimed)
        return injections
