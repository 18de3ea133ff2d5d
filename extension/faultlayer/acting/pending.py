"""What is still to be done about an invocation that the function works on.

It promises that what is held for it is given back once, and that what does not come to pass does
not count.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.acting.hold import Sandbox
    from faultlayer.acting.redelivery import Deliveries
    from faultlayer.targeting.injection import Hit
    from faultlayer.vocabulary.invocation import Invocation


def give_back(hits: list[Hit]) -> None:
    """Uncount what does not come to pass."""
    for hit in hits:
        hit.rule.give_back()


class Pending:
    """An invocation in the function's hands, and what is to be done about its answer.

    `deliveries` where the function is to get the event more than once; `sandbox` where something
    is held for it; `fatal`, one at most, where the runtime is to be killed meanwhile.
    """

    __slots__ = ("deliveries", "fatal", "hits", "invocation_id", "request_id", "sandbox")

    def __init__(self, invocation: Invocation, hits: list[Hit]) -> None:
        self.request_id = invocation.request_id
        self.invocation_id = invocation.invocation_id
        self.hits = hits
        self.deliveries: Deliveries | None = None
        self.sandbox: Sandbox | None = None
        self.fatal: list[Hit] = []

    def awaits(self) -> bool:
        """Whether anything is to be done once the function has answered."""
        return bool(self.hits or self.deliveries or self.sandbox or self.fatal)

    def end(self, others: list[Hit]) -> None:
        """The runtime is about to go: give back what is held, uncount what will not be."""
        give_back(self.hits + others)
        if self.deliveries:
            self.deliveries.forget()
        self.release()

    def release(self) -> None:
        """Give back what is held for it."""
        if self.sandbox is not None:
            self.sandbox.release()
