"""Describe the live plan in a store: its state, its rules in the words of a plan, its mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faultlayer.settings.draft import Plan
from faultlayer.vocabulary.registry import COMMON, GLOBALS, PLANNED, Fault
from faultlayer_cli.plans.masking import shown
from faultlayer_cli.plans.place import Found, Place
from faultlayer_cli.plans.state import PlanState, judge

COMMON_OPTIONS = tuple(option.name for option in COMMON)
_KINDS = {option.name.lower(): option.kind for option in GLOBALS if option.name in PLANNED}


@dataclass(frozen=True)
class PlanRule:
    """One rule of a plan; `common` are the options that every fault has, None if not given."""

    fault: str
    options: Mapping[str, str]
    common: Mapping[str, str | None]


@dataclass(frozen=True)
class LivePlan:
    """A store's content, as the extension reads it now."""

    place: Place
    text: str
    note: str  # a remark of the store; may be empty
    state: PlanState
    settings: Mapping[str, str]  # those of all rules, in the words of a plan
    times: Mapping[str, float]  # those of the settings that are points in time, in epoch seconds
    rules: tuple[PlanRule, ...]
    problems: tuple[str, ...]


def describe(place: Place, found: Found) -> LivePlan:
    """Judge the content of a place, which must be a text."""
    assert found.text is not None
    state, plan = judge(found.text)
    given = _given(plan)
    return LivePlan(
        place=place,
        text=found.text,
        note=found.note,
        state=state,
        settings={name: _KINDS[name].show(value) for name, value in given.items()},
        times={name: given[name] for name in ("start", "end") if name in given},
        rules=tuple(
            _rule(fault, options, given) for fault, options in plan.drafts if options is not None
        ),
        # a mistake in a live plan stops nothing: functions keep the last good one
        problems=tuple(
            problem.said().removesuffix("; nothing is injected") for problem in plan.problems
        ),
    )


def _given(plan: Plan) -> dict[str, Any]:
    """The settings that this plan gives, by their fields."""
    found = {name: getattr(plan.settings, name) for name in _KINDS}
    return {name: value for name, value in found.items() if value is not None}


def _rule(fault: Fault, given: Mapping[str, Any], settings: Mapping[str, Any]) -> PlanRule:
    """A rule as a plan writes it; an option that it leaves open has the plan's own value."""
    found = {
        option.name: shown(option, given[option.name])
        for option in fault.variables().values()
        if given[option.name] is not None
    }
    common = {name: found.pop(name, None) for name in COMMON_OPTIONS}
    for name in common:
        if common[name] is None and name in settings:
            common[name] = _KINDS[name].show(settings[name])
    return PlanRule(fault.name, found, common)
