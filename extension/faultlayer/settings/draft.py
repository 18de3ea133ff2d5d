"""Settings, rules and plans as they are read, before rates, limits and windows apply."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final, TypeAlias

    from faultlayer.events.match import Match
    from faultlayer.vocabulary.registry import Fault

    # A fault with the values of its options; None instead of them if one of them is wrong.
    Draft: TypeAlias = tuple[Fault, dict[str, Any] | None]

MAX_SIZE = 256 << 10  # bytes
MAX_RULES = 256
_POLL = 10.0  # seconds
_PORT = 9747
_REDIRECT = "auto"


class Settings:
    """All settings that are no rule's own, typed; None if nobody gives the setting.

    They never change: mypy refuses an assignment. Each is named after its variable. `start` and
    `end` are in seconds since the epoch, `poll` (the age at which a live plan is read anew) is in
    seconds, and `runtime_api` is host and port.
    """

    __slots__ = (
        "disabled",
        "dry_run",
        "end",
        "match",
        "metrics",
        "observe",
        "poll",
        "port",
        "rate",
        "redirect",
        "runtime_api",
        "seed",
        "start",
    )

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.disabled: Final[bool | None] = given.get("DISABLED")
        self.dry_run: Final[bool | None] = given.get("DRY_RUN")
        self.end: Final[float | None] = given.get("END")
        self.match: Final[Match | None] = given.get("MATCH")
        self.metrics: Final[str | None] = given.get("METRICS")
        self.observe: Final[tuple[str, ...] | None] = given.get("OBSERVE")
        self.poll: Final[float] = given.get("POLL", _POLL)
        self.port: Final[int] = given.get("PORT", _PORT)
        self.rate: Final[float | None] = given.get("RATE")
        self.redirect: Final[str] = given.get("REDIRECT", _REDIRECT)
        self.runtime_api: Final[tuple[str, int] | None] = given.get("RUNTIME_API")
        self.seed: Final[str | None] = given.get("SEED")
        self.start: Final[float | None] = given.get("START")

    def over(self, plan: Settings) -> Settings:
        """Merge the variables' settings with a plan's: the variables win."""
        merged = {}
        for name in Settings.__slots__:
            value = getattr(self, name)
            merged[name.upper()] = getattr(plan, name) if value is None else value
        return Settings(merged)

    @property
    def ends_before_start(self) -> bool:
        """True if the window leaves no time."""
        return self.start is not None and self.end is not None and self.end <= self.start


class FieldProblem:
    """A mistake in one field of a plan, or in the whole plan if `field` is empty.

    `limiting`: nothing can be injected, since the field limits all rules.
    """

    __slots__ = ("field", "limiting", "message")

    def __init__(self, field: str, message: str, *, limiting: bool) -> None:
        self.field = field
        self.message = message
        self.limiting = limiting

    def said(self) -> str:
        """The message with its field and its effect."""
        message = f"{self.field} {self.message}" if self.field else self.message
        return message + "; nothing is injected" if self.limiting else message


class Plan:
    """A plan as read.

    - `settings`: those that hold for all its rules
    - `drafts`: each fault with its options; None instead of them if one of them is wrong
    - `stopped`: a mistake in a field that limits all rules leaves none in force
    """

    __slots__ = ("drafts", "problems", "settings", "stopped")

    def __init__(self, reading: Reading) -> None:
        self.settings: Final[Settings] = Settings(reading.given)
        self.drafts: Final[list[Draft]] = reading.drafts
        self.problems: Final[list[FieldProblem]] = reading.problems
        self.stopped: Final[bool] = reading.stopped


class Reading:
    """A plan while it is read: its settings by variable, its rules, its mistakes so far."""

    __slots__ = ("drafts", "given", "problems", "stopped")

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}
        self.drafts: list[Draft] = []
        self.problems: list[FieldProblem] = []
        self.stopped = False

    def refuse(self, field: str, message: str, *, limiting: bool = True) -> None:
        self.problems.append(FieldProblem(field, message, limiting=limiting))
        self.stopped = self.stopped or limiting
