"""Rules: each is one fault with its options; a rule set is all of them and their common limits."""

from __future__ import annotations

from time import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.events.match import Match
    from faultlayer.targeting.limits import Limit
    from faultlayer.vocabulary.registry import Fault, Options


class Rule:
    """One fault with its options, its rate (0 to 1), its limit and its match (None: none).

    `number`: the rule's place among the rules of its fault, from 1. With a seed each rule draws
    numbers of its own, by its `draw_name`.
    """

    __slots__ = ("decide", "draw_name", "fault", "limit", "match", "options", "rate")

    def __init__(
        self,
        fault: Fault,
        options: Options,
        rate: float = 1.0,
        limit: Limit | None = None,
        match: Match | None = None,
        number: int = 1,
    ) -> None:
        self.fault = fault
        self.options = options
        self.rate = rate
        self.match = match
        self.draw_name = fault.name if number == 1 else f"{fault.name}#{number}"
        self.decide = fault.decide
        self.limit = limit

    @property
    def is_used_up(self) -> bool:
        """True if its limit is reached."""
        return self.limit is not None and self.limit.remaining == 0

    def claim(self) -> bool:
        """Count one injection; false if the limit is reached. Safe between threads."""
        return self.limit is None or self.limit.claim()

    def uncount(self) -> None:
        """Take one claim back: its injection did not happen."""
        if self.limit is not None:
            self.limit.uncount()


class RuleSet:
    """Rules in order of action, with seed, dry run and window.

    `rules` may hit invocations, `starts` the start of the environment. `seed`: None if chance alone
    decides. They may hit from `start` on and before `end` (seconds since the epoch; None:
    unlimited). `dry_run`: log only. `observed`: what is only watched meanwhile, as in OBSERVE.
    """

    __slots__ = ("dry_run", "end", "observed", "rules", "seed", "start", "starts")

    def __init__(
        self,
        rules: list[Rule],
        seed: str | None = None,
        *,
        dry_run: bool = False,
        start: float | None = None,
        end: float | None = None,
        observed: tuple[str, ...] = (),
    ) -> None:
        in_order = sorted(rules, key=lambda rule: rule.fault.order)
        self.rules = [rule for rule in in_order if rule.fault.begin is None]
        self.starts = [rule for rule in in_order if rule.fault.begin is not None]
        self.seed = seed
        self.dry_run = dry_run
        self.start = start
        self.end = end
        self.observed = observed

    @property
    def hits(self) -> bool:
        """True if there are rules: it does more than observe."""
        return bool(self.rules or self.starts)

    def is_over(self, now: float) -> bool:
        """True if the window's end has come."""
        return self.end is not None and now >= self.end

    def is_open(self) -> bool:
        """True if the window is open by the wall clock, which may jump either way."""
        if self.start is None and self.end is None:
            return True
        now = time()
        return not self.is_over(now) and (self.start is None or now >= self.start)
