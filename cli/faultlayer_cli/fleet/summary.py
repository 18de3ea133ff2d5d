"""One sentence on the faults that are in force after an attach, for people who are in a hurry.

results --> functions with the same faults --> which invocations are hit, by what, until when,
                                               and the command that stops it
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from faultlayer_cli.fleet.change import DISABLED, Change
from faultlayer_cli.fleet.rollout import Outcome, Result
from faultlayer_cli.plans import agents, in_words
from faultlayer_cli.plans.variables import Variables

_NAMED = 3  # functions that the sentence names; of more it says how many they are
_WHO = "\0"  # in a text: the functions that it is about
_AS_WANTED = (Outcome.CHANGED, Outcome.UNCHANGED)


def sentence(results: Sequence[Result], stop: str) -> str:
    """Say which faults are in force after the change; maybe empty.

    `stop` is the command that ends them. Planned changes are told as such: `would`.
    """
    would = any(one.outcome is Outcome.PLANNED for one in results)
    outcomes = (*_AS_WANTED, Outcome.PLANNED) if would else _AS_WANTED
    meant = [one for one in results if one.outcome in outcomes and one.change]
    names: dict[str, list[str]] = {}
    now = time.time()
    for one in meant:
        assert one.change is not None
        effect = _effect(one.change, now, would=would)
        names.setdefault(effect, []).append(one.function_name)
    if not names:
        return ""
    begin = "nothing was changed; then " if would else ""
    if any(one.reason for one in meant if one.outcome is Outcome.CHANGED):
        begin = "as soon as AWS has applied it, "
    end = "" if would else f"; to stop: {stop}"
    if len(names) > 1:
        have = "would have" if would else "have"
        return f"{begin}{len(meant)} functions {have} faults that differ (see `status`){end}"
    ((effect, functions),) = names.items()
    return begin + effect.replace(_WHO, _listed(functions)) + end


def _effect(change: Change, now: float, *, would: bool) -> str:
    """The effect of the change; a mark stands for the functions."""
    variables = Variables(change.variables)
    why = _idle(variables, now)
    if not why and variables.only_observes:
        window = in_words.window(variables, now)
        return f"nothing is injected, {in_words.observed(variables, _WHO)}, {window}"
    lacking = agents.missing(change.function.package, change.layers, variables)
    if lacking and not why:
        why = f"{variables.source} is not read without the layer {lacking}"
    if why:
        return f"nothing {'would be' if would else 'is'} injected in {_WHO}: {why}"
    hit = "would be hit by" if would or variables.dry_run else "are hit by"
    said = f"{in_words.hits(variables, f' of {_WHO}', hit)}, {in_words.window(variables, now)}"
    if variables.dry_run:
        return f"nothing is injected, there are only log lines: {said}"
    return said


def _idle(variables: Variables, now: float) -> str:
    """Why nothing is injected; empty if something is."""
    if variables.disabled or variables.planned.disabled:
        return f"{DISABLED} is set" if variables.disabled else "its plan is disabled"
    if variables.idle(now):
        return "its end is over"
    if in_words.hits(variables) or variables.only_observes:
        return ""
    return "its rate or its max is 0, or its end is over" if variables.rules else "no fault is set"


def _listed(names: Sequence[str]) -> str:
    if len(names) > _NAMED:
        return f"{len(names)} functions"
    return ", ".join(names[:-1]) + " and " * (len(names) > 1) + names[-1]
