"""Rules as they are read: a fault and the values of its options, before rates and limits apply."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeAlias

    from faultlayer.vocabulary.registry import Fault

    # A fault with the values of its options, None where one of them is wrong.
    Draft: TypeAlias = tuple[Fault, dict[str, Any] | None]

MAX_SIZE = 256 << 10  # bytes
MAX_RULES = 256


class Problem:
    """What is wrong with one field of a plan, of all of it where `field` is empty."""

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

    `values`: what holds for all rules, by the names of the variables. `drafts`: each fault with its
    options, None where one of them is wrong. `stopped`: by a mistake in what limits all rules.
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.drafts: list[Draft] = []
        self.problems: list[Problem] = []
        self.stopped = False

    def refuse(self, field: str, message: str, *, limiting: bool = True) -> None:
        self.problems.append(Problem(field, message, limiting=limiting))
        self.stopped = self.stopped or limiting


def ends_before_start(values: Mapping[str, Any]) -> bool:
    """Whether the window leaves no time."""
    start, end = values.get("START"), values.get("END")
    return start is not None and end is not None and end <= start
