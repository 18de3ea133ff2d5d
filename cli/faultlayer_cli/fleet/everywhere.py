"""One account in several regions: which regions are meant, and which could not be asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from faultlayer_cli.aws.account import WORKERS, Account, Unknown
from faultlayer_cli.aws.selection import Selection
from faultlayer_cli.errors import Failure

T = TypeVar("T")


@dataclass
class Asked(Generic[T]):
    """The regions' answers, and the reasons why some regions gave none."""

    found: list[T] = field(default_factory=list)
    silent: dict[str, str] = field(default_factory=dict)  # region -> reason
    guessed: str = ""  # why the account's regions are not known, so that all were asked

    def lines(self) -> list[str]:
        """One line per reason, with its regions."""
        regions: dict[str, list[str]] = {}
        for region, reason in self.silent.items():
            regions.setdefault(reason.replace(region, "REGION"), []).append(region)
        lines = [
            f"not asked: {', '.join(named)}: {reason.replace('REGION', named[0])}"
            for reason, named in regions.items()
        ]
        if self.guessed and lines:
            lines.append(
                "which regions the account uses is not known: with account:ListRegions or "
                f"ec2:DescribeRegions the others are left out ({self.guessed})"
            )
        return lines

    def as_json(self) -> list[dict[str, str]]:
        return [{"region": region, "reason": why} for region, why in self.silent.items()]


def ask(account: Account, work: Callable[[Account], T], *, all_regions: bool) -> Asked[T]:
    """The work in the account's region, or in all of its regions at the same time.

    In one region a Failure is raised. Of several, those that fail are named.
    """
    if not all_regions:
        return Asked([work(account)])
    regions, guessed = account.regions()
    asked: Asked[T] = Asked(guessed=guessed)

    def one(region: str) -> T | Failure:
        try:
            return work(account.in_region(region))
        except Failure as failure:
            return failure

    with ThreadPoolExecutor(WORKERS) as workers:
        answers = list(workers.map(one, regions))
    for region, answer in zip(regions, answers, strict=True):
        if isinstance(answer, Failure):
            asked.silent[region] = " ".join(str(answer).split())
        else:
            asked.found.append(answer)
    return asked


def select(account: Account, selection: Selection) -> tuple[list[str], list[str]]:
    """The functions selected in this region, and the parts of the selection that match none."""
    found: list[str] = []
    missing: list[str] = []
    for part in selection.parts():
        try:
            found += part.find(account)
        except Unknown:
            missing.append(str(part))
    return list(dict.fromkeys(found)), missing


def nowhere(missing: Sequence[Sequence[str]]) -> list[str]:
    """A line for each part of a selection that is missing in every region that was asked."""
    if not missing:
        return []
    everywhere = [part for part in missing[0] if all(part in others for others in missing[1:])]
    return [
        f"{part} is in none of the {len(missing)} regions that were asked" for part in everywhere
    ]
