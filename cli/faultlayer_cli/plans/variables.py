"""FAULTLAYER_ variables, parsed once by the code that reads them in Lambda, and passed on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from faultlayer.jsontext import unmarked
from faultlayer.settings.configuration import Configuration, Problem
from faultlayer.settings.draft import Settings
from faultlayer.settings.variables import read_environment
from faultlayer.values.kinds import PlanOrPlace
from faultlayer.vocabulary.registry import PREFIX

END = PREFIX + "END"
PLAN = PREFIX + "PLAN"


class Variables:
    """A function's variables: their texts, and the extension's reading of them.

    Files that they name are the function's, so they are not looked for here.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts: Mapping[str, str] = {
            name: unmarked(text) if name.startswith(PREFIX) else text
            for name, text in texts.items()
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Variables) and self.texts == other.texts

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def configuration(self) -> Configuration:
        """The extension's own reading of them."""
        return read_environment(self.texts, files=False)

    @property
    def problems(self) -> list[Problem]:
        return self.configuration.problems

    @cached_property
    def own(self) -> dict[str, str]:
        """Those that are faultlayer's."""
        return {k: v for k, v in sorted(self.texts.items()) if k.startswith(PREFIX)}

    @property
    def source(self) -> str | None:
        """The place of a plan that is not in the variable itself; None if there is none."""
        text = self.texts.get(PLAN, "").strip()
        return text if text.startswith(PlanOrPlace.schemes) else None

    @property
    def planned(self) -> Settings:
        """The settings of the plan in the variables, for all its rules."""
        plan = self.configuration.plan
        return plan.settings if plan else Settings({})

    @property
    def rules(self) -> bool:
        """True if they name a fault, or the plan in them does."""
        plan = self.configuration.plan
        return any(draft for _, draft in self.configuration.drafts + (plan.drafts if plan else []))

    @property
    def disabled(self) -> bool:
        """True if the variable of the kill switch is on."""
        return bool(self.configuration.settings.disabled)

    @property
    def dry_run(self) -> bool:
        """True if the variables, or the plan in them, ask for a dry run."""
        chooser = self.configuration.chooser
        return bool(self.configuration.settings.dry_run) if chooser is None else chooser.dry_run

    @property
    def injects(self) -> bool:
        """True if faults are injected or logged, or hosts are observed.

        Now or later; a dry run only logs.
        """
        return self.configuration.chooser is not None

    @property
    def observes(self) -> bool:
        """True if the function's hosts are logged, now or later."""
        chooser = self.configuration.chooser
        return chooser is not None and bool(chooser.rule_set.observed)

    @property
    def only_observes(self) -> bool:
        """True if hosts are observed and no fault can hit."""
        chooser = self.configuration.chooser
        return self.observes and chooser is not None and not chooser.rule_set.hits

    @property
    def armed(self) -> bool:
        """True if the variables alone inject faults or observe, now or later."""
        return self.injects and (self.observes or not self.dry_run)

    @property
    def end(self) -> float | None:
        """When they end (epoch seconds): by their own variable, or by the plan in them."""
        return self.configuration.merged(self.configuration.plan).end

    def idle(self, now: float) -> bool:
        """True if they alone say that nothing is injected from now on, by any plan."""
        return self.configuration.is_idle(now)
