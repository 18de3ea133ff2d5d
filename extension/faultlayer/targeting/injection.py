"""One action that a rule has claimed, and how it ends.

    Candidate (rule, action) ── claim ──> Injection ──> happened | skipped | failed | withdrawn

A claim counts against the rule's limit. Each injection is settled exactly once, by one of the four
verbs: `happened` writes the line of the log, the others uncount the claim. In Lambda a second call
does nothing. The tests make it fail, and look for injections that nothing has settled.
"""

from __future__ import annotations

from _thread import allocate_lock

from faultlayer.log import emit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from faultlayer.targeting.rules import Rule
    from faultlayer.vocabulary.actions import Action
    from faultlayer.vocabulary.invocation import Invocation

_lock = allocate_lock()
_logged: set[tuple[str, str, bool]] = set()  # rule, reason, and if it is of the start


class Candidate:
    """An action that a rule may carry out: not counted yet."""

    __slots__ = ("action", "rule")

    def __init__(self, rule: Rule, action: Action) -> None:
        self.rule = rule
        self.action = action

    def claim(self, request_id: str | None, *, dry_run: bool = False) -> Injection | None:
        """Count it; None if the rule's limit is reached. No request id: a start of a runtime."""
        if not self.rule.claim():
            return None
        return Injection(self.rule, self.action, request_id, dry_run=dry_run)


class Injection:
    """An action that a rule has claimed for one invocation, or for the start of an environment.

    `action` is of the type that its actor is for. In a dry run only the log shows that it happened.
    """

    __slots__ = ("_dry_run", "_settled", "action", "request_id", "rule")

    def __init__(
        self, rule: Rule, action: Any, request_id: str | None, *, dry_run: bool = False
    ) -> None:
        self.rule = rule
        self.action = action
        self.request_id = request_id
        self._dry_run = dry_run
        self._settled = False

    @property
    def is_open(self) -> bool:
        """True until it is settled."""
        return not self._settled

    def happened(self, **numbers: Any) -> None:
        """Write the line of this injection, with these numbers besides the action's own."""
        if self._settle():
            emit(
                "info",
                "fault_dry_run" if self._dry_run else "fault_injected",
                fault=self.rule.fault.name,
                **_subject(self.request_id),
                **{**self.action.numbers, **numbers},
            )

    def skipped(self, why: str) -> None:
        """Uncount it: it would change nothing, or cannot be done. Log why, once per environment."""
        if self._settle():
            self.rule.uncount()
            log_not_applied(self.rule, why, self.request_id)

    def retracted(self, why: str) -> None:
        """Uncount it, and log why it did not happen, although its line is written.

        Only after `happened`, if the line had to be written before: the act might end this process.
        """
        self.rule.uncount()
        _log_why(self.rule, why, self.request_id, retracts=True)

    def failed(self, error: Exception) -> None:
        """Uncount it, and log `internal_error`: the fault's code raised."""
        if self._settle():
            self.rule.uncount()
            log_failure(self.rule, self.request_id, error)

    def withdrawn(self) -> None:
        """Uncount it: the invocation came to another end first."""
        if self._settle():
            self.rule.uncount()

    def _settle(self) -> bool:
        first = self.settle_once()
        if not first:
            settled_again(self)
        return first

    def settle_once(self) -> bool:
        """Mark it as settled; false if it was. Safe between threads."""
        with _lock:
            first, self._settled = not self._settled, True
        return first


def withdraw_open(injections: Iterable[Injection]) -> None:
    """Withdraw those of these injections that are not settled yet."""
    for injection in injections:
        if injection.settle_once():
            injection.rule.uncount()


def settled_again(injection: Injection) -> None:
    """Do nothing: in Lambda the first verb holds. The tests put a failure here."""


class Chosen:
    """An invocation, and the injections into it in their order. At most one of them is terminal."""

    __slots__ = ("injections", "invocation")

    def __init__(self, invocation: Invocation, injections: list[Injection]) -> None:
        self.invocation = invocation
        self.injections = injections


def refusal(status: int) -> str:
    """The reason if Lambda refuses a fault's report, by the status of its answer."""
    return f"Lambda refused it with the status {status}"


def _subject(request_id: str | None) -> dict[str, str]:
    """The fields of a line that name its subject: an invocation, or an environment's start."""
    return {"phase": "init"} if request_id is None else {"request_id": request_id}


def log_failure(rule: Rule, request_id: str | None, error: Exception) -> None:
    """Log that a fault's code raised: the type alone, since messages may quote an event."""
    name, kind = rule.fault.name, type(error).__name__
    emit("error", "internal_error", fault=name, **_subject(request_id), message=kind)


def forget_reasons() -> None:
    """Log each reason once more: the rules are new.

    Those of the start stay as they are.
    """
    for key in list(_logged):
        if not key[2]:
            _logged.discard(key)


def log_not_applied(rule: Rule, why: str, request_id: str | None) -> None:
    """Log why a rule leaves invocations, or the start, alone: once each.

    Once per execution environment; for invocations anew after a change of the live plan.
    """
    key = (rule.draw_name, why, request_id is None)
    if key in _logged:
        return
    _logged.add(key)
    _log_why(rule, why, request_id)


def _log_why(rule: Rule, why: str, request_id: str | None, **more: Any) -> None:
    name = rule.fault.name
    emit("warn", "fault_not_applied", fault=name, **_subject(request_id), **more, message=why)
