"""Published versions that inject faults: their callers, and how to end that.

A published version keeps the layer and the variables that it was published with, for ever. Nobody
can change it: `stop` and `detach` change the unpublished version alone.

    every version --judge--> states --look--> aliases of those that are armed --> advice

This module asks AWS and computes. It changes nothing and prints nothing.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from faultlayer.values import instant
from faultlayer.vocabulary.registry import PREFIX
from faultlayer_cli.aws.account import (
    LATEST,
    WORKERS,
    Account,
    Alias,
    Function,
    Refused,
    Unknown,
)
from faultlayer_cli.aws.arn import is_ours
from faultlayer_cli.errors import Failure
from faultlayer_cli.fleet import change
from faultlayer_cli.fleet.live_plans import LivePlans
from faultlayer_cli.fleet.rollout import Outcome, Result
from faultlayer_cli.plans import agents
from faultlayer_cli.plans.masking import masked_variable
from faultlayer_cli.plans.place import Place, named
from faultlayer_cli.plans.variables import END, PLAN, Variables

LATEST_PUBLISHED = "$LATEST.PUBLISHED"  # of Lambda Managed Instances: replaced by publishing again
_NO_WEIGHTS = "AdditionalVersionWeights={}"
_UNSAID = frozenset((END, PLAN, change.NEXT_WRAPPER))


class VersionState(Enum):
    """The effect of a version on the invocations that reach it."""

    ABSENT = "not attached"
    IDLE = "idle"  # attached, but it injects nothing any more: disabled, over, or without a fault
    DRY_RUN = "dry run"  # it writes log lines and injects nothing
    LIVE = "live"  # as the plan says that it reads from Parameter Store or AppConfig
    ARMED = "armed"
    UNKNOWN = "not known"  # it has the layer, and its faults cannot be read from here
    HIDDEN = "hidden"  # its variables cannot be read, so it may or may not have the layer

    @property
    def dangerous(self) -> bool:
        """True if it injects faults, or may do so."""
        return self in (VersionState.ARMED, VersionState.LIVE, VersionState.UNKNOWN)


@dataclass(frozen=True)
class Version:
    """A version of a function, and its faults as far as they are known."""

    function: Function
    state: VersionState
    why: str = ""  # the faults, or why they are not known
    until: str = ""  # when they end by themselves; empty if never
    aliases: tuple[Alias, ...] | None = ()  # that send invocations to it; None: not known

    @property
    def place(self) -> Place | None:
        """The place of the live plan that it reads; None if it reads none."""
        return named(self.function) if self.state is VersionState.LIVE else None

    def as_json(self) -> dict[str, Any]:
        number = self.function.version
        return {
            "function": self.function.name,
            "version": number,
            "state": self.state.value,
            "faults": self.why,
            "until": self.until or None,
            "aliases": None
            if self.aliases is None
            else [{"name": a.name, "share": round(a.share(number), 6)} for a in self.aliases],
        }


@dataclass(frozen=True)
class Versions:
    """All versions of one function, as they were found."""

    latest: Version | None
    published: Sequence[Version]
    asked: str  # the name or ARN by which the function was named

    @property
    def name(self) -> str:
        return (self.latest or self.published[0]).function.name


@dataclass
class Findings:
    """The published versions of one region that may inject faults, and the gaps in the search."""

    versions: list[Version] = field(default_factory=list)  # attached by anybody
    advice: dict[str, list[str]] = field(default_factory=dict)  # function -> lines
    unknown: list[str] = field(default_factory=list)  # one line each

    @property
    def left(self) -> list[Version]:
        """The versions that inject faults, or may."""
        return [version for version in self.versions if version.state.dangerous]

    @property
    def clear(self) -> bool:
        """True if it is certain that no version injects faults."""
        return not self.left and not self.unknown

    def as_json(self) -> dict[str, Any]:
        versions = [version.as_json() for version in self.versions]
        return {"versions": versions, "unknown": self.unknown}


def judge(function: Function) -> Version:
    """The version's state, from its own layers and variables."""
    image = function.package == "Image"
    if function.unreadable:
        why = f"its variables cannot be read ({function.unreadable})"
        if any(map(is_ours, function.layers)):
            return Version(function, VersionState.UNKNOWN, why)
        # Another name of our layer, or an image that has it inside, cannot be excluded.
        return Version(
            function, VersionState.HIDDEN if image or function.layers else VersionState.ABSENT, why
        )
    if not change.may_inject(function):
        return Version(function, VersionState.ABSENT)
    variables = Variables(function.variables)
    faults = _faults(function.variables)
    until = "" if variables.end is None else instant.show(variables.end)
    if variables.idle(time.time()):
        return Version(function, VersionState.IDLE, faults, until)
    if plan := variables.source:
        if variables.dry_run:
            return Version(function, VersionState.DRY_RUN, f"plan={plan}", until)
        if named(function):
            lacking = agents.missing(function.package, function.layers, variables)
            why = f", not read: it has no layer {lacking}" if lacking else ""
            return Version(function, VersionState.LIVE, f"plan={plan}{why}", until)
        return Version(
            function, VersionState.UNKNOWN, f"its plan is in its package ({plan})", until
        )
    if not variables.injects:
        return Version(function, VersionState.IDLE, faults, until)
    return Version(
        function, VersionState.DRY_RUN if variables.dry_run else VersionState.ARMED, faults, until
    )


def _faults(variables: Mapping[str, str]) -> str:
    """The faults in a few words: `status=503 status_rate=5%`."""
    said = [
        f"{name.removeprefix(PREFIX).lower()}={masked_variable(name, text)}"
        for name, text in sorted(variables.items())
        if name.startswith(PREFIX) and name not in _UNSAID
    ]
    return " ".join(said + ["plan={…}"] * bool(variables.get(PLAN, "").strip()))


def grouped(functions: Iterable[Function], asked: str = "") -> list[Versions]:
    """The versions of each function together, judged; `asked` names a single one."""
    found: dict[str, list[Version]] = {}
    for function in functions:
        found.setdefault(function.name, []).append(judge(function))
    groups = []
    for name, versions in found.items():
        latest = [one for one in versions if one.function.version == LATEST]
        published = [one for one in versions if one.function.version != LATEST]
        groups.append(Versions(latest[0] if latest else None, published, asked or name))
    return groups


def of_names(account: Account, names: Sequence[str]) -> tuple[list[Versions], list[str]]:
    """The versions of these functions; and, one line each, which could not be listed."""

    def look(name: str) -> list[Versions] | str:
        try:
            return grouped(account.versions(name), name)
        except Unknown:
            return []  # its versions went with it
        except Failure as failure:
            return f"which published versions of {name} are armed is not known: {failure}"

    with ThreadPoolExecutor(WORKERS) as workers:
        found = list(workers.map(look, names))
    groups = [group for one in found if not isinstance(one, str) for group in one]
    return groups, [one for one in found if isinstance(one, str)]


def of_region(account: Account, given_up: Callable[[], bool]) -> tuple[list[Versions], list[str]]:
    """The versions of all functions of the region; and why they could not be listed.

    `given_up` is asked now and then: true once an interrupt ends the waiting.
    """
    found = []
    try:
        for function in account.all_versions():
            if given_up():
                raise Refused("interrupted")
            found.append(function)
    except Failure as failure:
        why = f"which published versions are armed in {account.region} is not known: {failure}"
        return grouped(found), [why]
    return grouped(found), []


def in_use(account: Account, name: str) -> str:
    """A sign that versions of a function are published; empty if there is none."""
    try:
        aliases = [alias.name for alias in account.aliases(name)]
        if aliases:
            return f"alias{'es' * (len(aliases) > 1)} {listed(aliases)}"
        if any(one.version != LATEST for one in account.versions(name)):
            return "it has published versions"
    except Failure as failure:
        return f"it is not known whether it has aliases: {failure}"
    return ""


def look(
    account: Account,
    groups: Sequence[Versions],
    unknown: Sequence[str],
    settle: Callable[[Version], Version] = lambda version: version,
    harmless: Callable[[Version], bool] = lambda latest: not latest.state.dangerous,
) -> Findings:
    """Find the armed ones of these versions, their aliases, and the commands that end it.

    `settle(version)` returns a version with a live plan in its present state. `harmless(name)` is
    true if the unpublished version could be published instead. Aliases are asked for only if a
    version is armed.
    """
    groups = [replace(group, published=[settle(v) for v in group.published]) for group in groups]
    findings = Findings(unknown=list(unknown))
    if line := hidden(one for group in groups for one in group.published):
        findings.unknown.append(line)
    due = [group for group in groups if any(one.state.dangerous for one in group.published)]

    def aliases(group: Versions) -> list[Alias] | str:
        try:
            return list(account.aliases(group.asked))
        except Unknown:
            return []
        except Failure as failure:
            return (
                f"which aliases of {group.name} send to its armed versions is not known: {failure}"
            )

    with ThreadPoolExecutor(WORKERS) as workers:
        found_for = dict(zip((group.name for group in due), workers.map(aliases, due), strict=True))
    for group in groups:
        found = found_for.get(group.name, [])
        known = None if isinstance(found, str) else found
        if isinstance(found, str):
            findings.unknown.append(found)
        whole = [_reached(one, known) for one in group.published]
        findings.versions += [
            one for one in whole if one.state not in (VersionState.ABSENT, VersionState.HIDDEN)
        ]
        if group.name in found_for:
            can = group.latest is not None and harmless(group.latest)
            advised = _Advice(account, replace(group, published=whole), known, can)
            findings.advice[group.name] = list(advised.lines())
    return findings


def by_plan(account: Account) -> Callable[[Version], Version]:
    """Judge versions with a live plan by its present text; each plan is read once."""
    plans = LivePlans(account)

    def settle(version: Version) -> Version:
        place = version.place
        if place is None:
            return version
        found = plans.at(place)
        why = f", which cannot be read: {found.unknown}" if found.unknown else ""
        return settled(version, found.dangerous, why)

    return settle


def settled(version: Version, armed: bool, why: str = "") -> Version:
    """A version with a live plan of which it is known, or feared, that it is armed or not."""
    state = VersionState.LIVE if armed else VersionState.IDLE
    return replace(version, state=state, why=version.why + why)


def hidden(versions: Iterable[Version]) -> str:
    """The line about versions that may have the layer, since their variables are hidden."""
    found = [one for one in versions if one.state is VersionState.HIDDEN]
    if not found:
        return ""
    names = listed([one.function.label for one in found])
    return f"not known whether the layer is in {names}: {found[0].why}"


def listed(names: Sequence[str], most: int = 10) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _reached(version: Version, aliases: Sequence[Alias] | None) -> Version:
    """With the aliases that send invocations to it."""
    if aliases is None:
        return replace(version, aliases=None)
    number = version.function.version
    through = tuple(alias for alias in aliases if alias.share(number) > 0)
    return replace(version, aliases=through)


def told(version: Version) -> str:
    """One line about a version that is armed, or may be: its faults, their end, its callers."""
    what = {
        VersionState.ARMED: f"is still armed ({version.why})",
        VersionState.LIVE: f"follows its live plan ({version.why})",
        VersionState.UNKNOWN: f"may be armed: {version.why}",
    }.get(version.state, f"is {version.state.value}")
    if version.until:
        what += f", until {version.until}"
    elif version.state is VersionState.ARMED:
        what += ", without an end"
    return f"{version.function.label} {what}: {_callers(version)}"


def _callers(version: Version) -> str:
    """The callers that reach the version."""
    if version.aliases is None:
        return "which aliases send to it is not known"
    if not version.aliases:
        return "no alias sends to it; callers that name the version are hit"
    number = version.function.version
    named = ", ".join(
        f"{alias.name} ({_percent(alias.share(number))})" for alias in version.aliases
    )
    return (
        f"aliases {named} send to it" if len(version.aliases) > 1 else f"alias {named} sends to it"
    )


def _percent(share: float) -> str:
    return f"{share * 100:.4g}%"


class _Advice:
    """The commands that lead callers away from a function's armed versions."""

    def __init__(
        self,
        account: Account,
        versions: Versions,
        aliases: Sequence[Alias] | None,
        can_publish: bool,
    ) -> None:
        self._account = account
        self._versions = versions
        self._aliases = aliases
        self._can_publish = can_publish
        self._left = [one for one in versions.published if one.state.dangerous]
        self._bad = {one.function.version for one in self._left}

    def lines(self) -> Iterator[str]:
        """Each a command with a comment, or a sentence."""
        for place in dict.fromkeys(one.place for one in self._left if one.place):
            yield f"faultlayer disarm {place.flag} --region {self._account.region}"
        stuck = [one for one in self._left if not one.place]
        if not stuck:
            return
        if self._aliases is None:
            yield "point each alias that sends to it at a version that is not armed"
            return
        numbers = {one.function.version for one in stuck}
        for alias in self._aliases:
            if any(alias.share(number) > 0 for number in numbers):
                yield from self._away(alias)
        for one in stuck:
            if one.function.version == LATEST_PUBLISHED:
                yield self._command("publish-version", "--publish-to", "LATEST_PUBLISHED") + (
                    "  # once the unpublished version is stopped"
                )
            elif one.aliases == ():
                yield self._command("delete-function", "--qualifier", one.function.version) + (
                    "  # if nobody calls it by its number any more"
                )

    def _away(self, alias: Alias) -> Iterator[str]:
        """How to lead the callers of this alias to a version that is not armed."""
        if alias.version not in self._bad:
            yield self._update(alias, "") + f"  # all to version {alias.version}"
            return
        beside = [number for number in alias.weights if number not in self._bad]
        if beside:
            yield self._update(alias, beside[0]) + f"  # all to version {beside[0]}"
            return
        armed = next(v for v in self._left if v.function.version == alias.version)
        good = [v for v in self._versions.published if not v.state.dangerous]
        good = [v for v in good if v.state is not VersionState.HIDDEN]
        good.sort(key=lambda v: _number(v.function), reverse=True)
        same = [v for v in good if v.function.code == armed.function.code]
        latest = self._versions.latest
        if same:
            number = same[0].function.version
            yield self._update(alias, number) + "  # the same code, not armed"
        elif self._can_publish and latest and latest.function.code == armed.function.code:
            yield self._command("publish-version") + "  # the same code, not armed"
            yield self._update(alias, "NEW") + "  # NEW: the number of that version"
        elif good:
            number = good[0].function.version
            yield self._update(alias, number) + "  # not armed, but OTHER CODE: look first"
        else:
            yield (
                f"every version of {self._versions.name} is armed: take the faults off the "
                f"unpublished one, publish it, and point alias {alias.name} at the new version"
            )

    def _update(self, alias: Alias, number: str) -> str:
        version = ("--function-version", number) if number else ()
        return self._command(
            "update-alias", "--name", alias.name, *version, "--routing-config", _NO_WEIGHTS
        )

    def _command(self, operation: str, *arguments: str) -> str:
        profile = ("--profile", self._account.profile) if self._account.profile else ()
        parts = ("aws", "lambda", operation, "--function-name", self._versions.name, *arguments)
        return shlex.join((*parts, "--region", self._account.region, *profile))


def _number(function: Function) -> int:
    return int(function.version) if function.version.isdigit() else 0


def harmless_after(results: Sequence[Result]) -> Callable[[Version], bool]:
    """A judgement on unpublished versions: true if one injects nothing after these changes."""
    good = (Outcome.CHANGED, Outcome.UNCHANGED)
    stopped = {one.function_name for one in results if one.outcome in good}
    return lambda latest: latest.function.name in stopped or not latest.state.dangerous
