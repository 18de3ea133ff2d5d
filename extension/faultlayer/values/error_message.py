"""The message of a function error, with its type: `message` or `Type: message`."""

from __future__ import annotations

from faultlayer.jsontext import text_of
from faultlayer.values.kinds import Kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

UNNAMED = "FaultInjected"
LONGEST_MESSAGE = 4096


class ErrorMessage(Kind):
    """`message` or `Type: message`: a pair of type and message."""

    allowed = f"`message` or `Type: message`, each at most {LONGEST_MESSAGE} characters"
    example = "ValueError: no such order"
    unnamed = UNNAMED  # the type where none is given

    def parse(self, value: Any) -> tuple[str, str]:
        text = text_of(value, "text").strip()
        kind, colon, message = text.partition(":")
        if not (colon and kind.isascii() and kind.replace(".", "_").isidentifier()):
            kind, message = self.unnamed, text
        message = message.strip()
        if len(kind) > LONGEST_MESSAGE or len(message) > LONGEST_MESSAGE:
            raise ValueError(f"is longer than {LONGEST_MESSAGE} characters")
        return kind, message

    def show(self, value: Any) -> str:
        return f"{value[0]}: {value[1]}"
