"""An action that a rule has claimed, and the lines that tell of it."""

from __future__ import annotations

from faultlayer.log import emit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.targeting.rules import Rule
    from faultlayer.vocabulary.actions import Action
    from faultlayer.vocabulary.invocation import Invocation


class Hit:
    """An action that a rule has claimed."""

    __slots__ = ("action", "rule")

    def __init__(self, rule: Rule, action: Action) -> None:
        self.rule = rule
        self.action = action

    def log(self, request_id: str | None, *, dry_run: bool = False) -> None:
        """Write the one line of this injection; None: into the start of the environment."""
        emit(
            "info",
            "fault_dry_run" if dry_run else "fault_injected",
            fault=self.rule.fault.name,
            **_where(request_id),
            **self.action.numbers,
        )

    def skip(self, request_id: str | None, why: str) -> None:
        """Uncount the injection, which changed nothing, and say why."""
        self.rule.give_back()
        mention(self.rule, why, request_id)

    def fail(self, request_id: str | None, error: Exception) -> None:
        """The fault's own code has failed: what it was to do does not count, and it is told of."""
        self.rule.give_back()
        broken(self.rule, request_id, error)


class Hits:
    """An invocation and what hits it, in order, at most one terminal action among it."""

    __slots__ = ("hits", "invocation")

    def __init__(self, invocation: Invocation, hits: list[Hit]) -> None:
        self.invocation = invocation
        self.hits = hits

    def log_dry_run(self) -> None:
        """Say what would have been injected."""
        for hit in self.hits:
            hit.log(self.invocation.request_id, dry_run=True)


def _where(request_id: str | None) -> dict[str, str]:
    """What an injection, or none, is about: this invocation, or the start of the environment."""
    return {"phase": "init"} if request_id is None else {"request_id": request_id}


def broken(rule: Rule, request_id: str | None, error: Exception) -> None:
    """Say that a fault's own code has failed: what it was to do is left out, and nothing else."""
    name, what = rule.fault.name, type(error).__name__
    emit("error", "internal_error", fault=name, **_where(request_id), message=what)


_mentioned: set[tuple[str, str]] = set()


def mention(rule: Rule, why: str, request_id: str | None) -> None:
    """Say once per execution environment why this fault leaves invocations, or the start, alone."""
    said = (rule.fault.name, why)
    if said in _mentioned:
        return
    _mentioned.add(said)
    emit("warn", "fault_not_applied", fault=said[0], **_where(request_id), message=why)
