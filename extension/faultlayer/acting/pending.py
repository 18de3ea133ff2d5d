"""An invocation in the function's hands: its injections and its holdings.

When the invocation ends, its open injections are withdrawn here and its holdings released. It ends
with the function's result, or with the runtime; or it is forgotten after its deadline, since Lambda
has ended it then.
"""

from __future__ import annotations

from time import monotonic, time

from faultlayer.targeting.injection import withdraw_open
from faultlayer.values.kinds import LONGEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.acting.disturb import Disturbed
    from faultlayer.acting.hold import Sandbox
    from faultlayer.acting.redelivery import Redelivery
    from faultlayer.targeting.injection import Chosen, Injection
    from faultlayer.vocabulary.actions import Action

OPEN_POLLS = " open polls"  # no request id, which would end a request line: see `deliveries`
GRACE = 5.0  # seconds after the deadline by which Lambda has ended this environment


class Pending:
    """One invocation, and its injections by the type of their action.

    - `redelivery`: set if the function is to get the event more than once
    - `sandbox`: set if something of the environment is held for the invocation
    - `disturbing`: set if connections are disturbed for the invocation
    - `fatal`: the injection that is to kill the runtime while the function works, at most one. Two
      threads may want it, so it is in no other place, and the thread that pops it settles it
    - `handed`: when the function got the event that it is killed for, by the monotonic clock
    """

    __slots__ = (
        "_until",
        "disturbing",
        "fatal",
        "groups",
        "handed",
        "invocation_id",
        "redelivery",
        "request_id",
        "sandbox",
    )

    def __init__(self, chosen: Chosen) -> None:
        invocation = chosen.invocation
        self.request_id = invocation.request_id
        self.invocation_id = invocation.invocation_id
        self.redelivery: Redelivery | None = None
        self.sandbox: Sandbox | None = None
        self.disturbing: Disturbed | None = None
        self.fatal: list[Injection] = []
        self.handed = monotonic()
        self.groups: dict[type[Action], list[Injection]] = {}
        for injection in chosen.injections:
            self.groups.setdefault(type(injection.action), []).append(injection)
        deadline = invocation.deadline()
        seconds = LONGEST if deadline is None else min(deadline - time(), LONGEST)
        self._until = monotonic() + seconds + GRACE

    def open(self, kind: type[Action]) -> list[Injection]:
        """The injections of this type of action that are not settled."""
        return [injection for injection in self.groups.get(kind, ()) if injection.is_open]

    def awaits_result(self) -> bool:
        """True if something is due once the function has answered."""
        if self.redelivery or self.sandbox or self.disturbing or self.fatal:
            return True
        return any(self.open(kind) for kind in self.groups)

    def acts_meanwhile(self) -> bool:
        """True if something is held, or the runtime is to be killed, while the function works."""
        return self.sandbox is not None or bool(self.fatal)

    def is_overdue(self) -> bool:
        """True if Lambda has ended the invocation long ago."""
        return monotonic() >= self._until

    def withdraw(self) -> None:
        """Withdraw all injections that are open: nothing more will happen."""
        for injections in self.groups.values():
            withdraw_open(injections)
        try:
            self.fatal.pop().withdrawn()
        except IndexError:  # there is none, or another thread carries it out
            pass

    def release(self) -> None:
        """Give back all that is held for the invocation."""
        if self.sandbox is not None:
            self.sandbox.release()
        if self.disturbing is not None:
            self.disturbing.end()

    def end(self) -> None:
        """The invocation, or its runtime, is over."""
        self.withdraw()
        self.release()
