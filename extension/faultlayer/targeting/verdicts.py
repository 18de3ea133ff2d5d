"""Say what every rule would do to an invocation, and do nothing: for `faultlayer explain`.

The draws, the match, the fault's own decision and the choice of one outcome are those of `choose`.
Limits are left out: they count in each execution environment. Lambda never loads this module.
"""

from __future__ import annotations

from faultlayer.targeting.choose import applied, draws, first_outcome
from faultlayer.targeting.injection import Hit
from faultlayer.vocabulary.actions import Nothing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.targeting.choose import Aim
    from faultlayer.targeting.rules import Rule
    from faultlayer.vocabulary.actions import Action
    from faultlayer.vocabulary.invocation import Invocation

_MIDDLE = 0.5  # stands for a draw that chance makes in Lambda


class Verdict:
    """What one rule would do to an invocation.

    `draw`: whether the rule hits, by the seed (None: by chance). `matched`: whether the rule's
    match holds. `action`: what the fault would do (None: nothing). `barred_by`: the rule that
    decides the outcome instead.
    """

    __slots__ = ("action", "barred_by", "draw", "matched", "rule")

    def __init__(
        self, rule: Rule, draw: float | None, *, matched: bool, action: Action | None
    ) -> None:
        self.rule = rule
        self.draw = draw
        self.matched = matched
        self.action = action
        self.barred_by: Rule | None = None

    @property
    def applies(self) -> bool:
        """Whether the fault would do something to this event."""
        return self.action is not None and not isinstance(self.action, Nothing)

    @property
    def drawn(self) -> bool | None:
        """Whether the rate lets the rule hit; None if chance decides."""
        if self.draw is not None:
            return self.draw < self.rule.rate
        return None if self.rule.rate < 1 else True


def verdicts(aim: Aim, invocation: Invocation, *, seeded: bool = True) -> list[Verdict]:
    """The verdict on every rule, in the order in which they act.

    `seeded`: whether the invocation's request id is the one that the seed is to go by.
    """
    found = []
    for rule in aim.rules:
        draw, how = None, _MIDDLE
        if aim.hash is not None and seeded:
            draw, how = draws(aim.hash, aim.seed, rule.lot, invocation.id)
        matched = rule.match is None or rule.match.holds(invocation)
        action = applied(rule, invocation, how)
        found.append(Verdict(rule, draw, matched=matched, action=action))
    certain = {id(one.rule): one for one in found if one.applies and one.drawn}
    hits = [Hit(one.rule, one.action) for one in certain.values() if one.action is not None]
    outcome = first_outcome(hits, lambda hit: True)
    for hit in hits:
        if hit.action.terminal and outcome is not None and hit is not outcome:
            certain[id(hit.rule)].barred_by = outcome.rule
    return found
