"""Judge what each rule would do to an invocation, and do nothing: for `faultlayer explain`.

    rule ── draw ── match ── the fault's decision ── limit ── one outcome ──> Verdict

The draws, the match, the fault's own decision and the choice of one outcome are those of `choose`.
Each verdict has all reasons, so that the command repeats no rule. Lambda never loads this.
"""

from __future__ import annotations

from time import monotonic

from faultlayer.targeting.choose import action_of, draws, outcomes
from faultlayer.targeting.injection import Candidate
from faultlayer.vocabulary.actions import NotApplicable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from faultlayer.events.match import Condition
    from faultlayer.targeting.choose import Chooser
    from faultlayer.targeting.rules import Rule
    from faultlayer.vocabulary.actions import Action
    from faultlayer.vocabulary.invocation import Invocation

_MIDDLE = 0.5  # the first draw that is tried if chance decides in Lambda
_GOLDEN = 0.6180339887498949  # its multiples fill [0, 1) evenly, whenever they end
_MOST_TRIED = 1000  # draws: of a share of 1 % of one record, one does something
_LONGEST = 0.1  # seconds


class Verdict:
    """One rule's effect on an invocation, and every reason against it.

    - `draw`: the seed's draw, which hits below the rate (None: chance decides)
    - `unmet`: the conditions of its match that do not hold
    - `action`: the fault's action (None: nothing)
    - `by_chance`: true if the fault itself acts by chance, too
    - `why_not`: why the fault does not apply to this event; empty if it does
    - `in_window`: the window is open now
    - `used_up`: its limit is reached, as far as this process has counted
    - `barred_by`: the rule that decides the outcome instead
    """

    __slots__ = (
        "action",
        "barred_by",
        "by_chance",
        "draw",
        "in_window",
        "rule",
        "unmet",
        "used_up",
        "why_not",
    )

    def __init__(self, rule: Rule, draw: float | None, unmet: list[Condition]) -> None:
        self.rule = rule
        self.draw = draw
        self.unmet = unmet
        self.action: Action | None = None
        self.by_chance = False
        self.why_not = ""
        self.in_window = True
        self.used_up = False
        self.barred_by: Rule | None = None

    @property
    def matched(self) -> bool:
        """True if the rule's match holds."""
        return not self.unmet

    @property
    def applies(self) -> bool:
        """True if the fault would do something to this event."""
        return self.action is not None and not self.why_not

    @property
    def drawn(self) -> bool | None:
        """Whether rate and chance let the rule act; None if that is known in Lambda alone."""
        if self.draw is not None:
            return self.draw < self.rule.rate
        return None if self.rule.rate < 1 or self.by_chance else True

    @property
    def hits(self) -> bool | None:
        """Whether the rule hits; None if chance decides."""
        if not self.applies or not self.in_window or self.used_up or self.barred_by is not None:
            return False
        return self.drawn


def verdicts(chooser: Chooser, invocation: Invocation, *, seeded: bool = True) -> list[Verdict]:
    """The verdict on every rule, in the order in which they act.

    `seeded`: the invocation's request id is the one that the seed goes by.
    """
    found = []
    for rule in chooser.rules:
        unmet = _unmet(rule, invocation)
        if chooser.hash is not None and seeded:
            draw, how = draws(chooser.hash, chooser.seed, rule.draw_name, invocation.id)
            verdict = Verdict(rule, draw, unmet)
            verdict.action = action_of(rule, invocation, how)
        else:
            verdict = Verdict(rule, None, unmet)
            verdict.action, verdict.by_chance = _by_chance(rule, invocation)
        if type(verdict.action) is NotApplicable:
            verdict.why_not = verdict.action.why
        verdict.in_window = chooser.is_open()
        verdict.used_up = rule.is_used_up
        found.append(verdict)
    certain = [verdict for verdict in found if verdict.hits]
    candidates = [Candidate(one.rule, one.action) for one in certain if one.action is not None]
    first = next(outcomes(candidates), None)
    for verdict in certain:
        terminal = verdict.action is not None and verdict.action.terminal
        if terminal and first is not None and verdict.rule is not first.rule:
            verdict.barred_by = first.rule
    return found


def _unmet(rule: Rule, invocation: Invocation) -> list[Condition]:
    """The conditions of the rule's match that do not hold."""
    if rule.match is None:
        return []
    return [
        condition
        for condition in rule.match.conditions
        if not (condition.of_head or invocation.readable())
        or not condition.holds(condition.find(invocation))
    ]


def _by_chance(rule: Rule, invocation: Invocation) -> tuple[Action | None, bool]:
    """An action that the rule may come to, and whether it may also come to none."""
    some: Action | None = None
    none = False
    for draw in _draws():
        action = action_of(rule, invocation, draw)
        if action is None:
            none = True
        else:
            some = some or action
        if none and some is not None:
            break
    return some, none and some is not None


def _draws() -> Iterator[float]:
    """Draws from all over [0, 1), the middle first, as many as there is time for.

    They are spread from the beginning: a machine that pauses may leave time for a few only.
    """
    yield _MIDDLE
    until = monotonic() + _LONGEST
    for number in range(_MOST_TRIED):
        if monotonic() >= until:
            return
        yield (_MIDDLE + number * _GOLDEN) % 1.0
