"""The message of a function error, with its type: `message` or `Type: message`."""

from __future__ import annotations

from faultlayer.jsontext import text_of
from faultlayer.values.kinds import Kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

UNNAMED = "FaultInjected"
LONGEST_MESSAGE = 4096


def _is_type(word: str) -> bool:
    """Whether a word is a type of some language, and no URL, ARN, path, address or JSON.

    In ASCII, as the header is in which Lambda is told of it.
    """
    if not word.isascii() or not word or not (word[0].isalpha() or word[0] in "_$*&<:"):
        return False
    return word.isprintable() and ":" not in word.replace("::", "") and "/" not in word


def _parted(text: str) -> tuple[str, str]:
    """Type and message of a text, parted by its first colon before a blank; no type if it has none.

    Types as languages write them: `my_crate::OrderError`, `Outer$Inner`, `Function<UserError>`.
    """
    for at, character in enumerate(text):
        if character.isspace():
            break
        if character == ":" and (at + 1 == len(text) or text[at + 1].isspace()):
            return (text[:at], text[at + 1 :].strip()) if _is_type(text[:at]) else ("", text)
    return "", text


class ErrorMessage(Kind):
    """`message` or `Type: message`: a pair of type and message."""

    allowed = (
        "`message` or `Type: message`, the type a word without blanks, "
        f"each at most {LONGEST_MESSAGE} characters"
    )
    example = "ValueError: no such order"
    unnamed = UNNAMED  # the type if none is given

    def parse(self, value: Any) -> tuple[str, str]:
        text = text_of(value, "text").strip()
        kind, message = _parted(text)
        if not kind:
            kind, message = self.unnamed, text
        if len(kind) > LONGEST_MESSAGE or len(message) > LONGEST_MESSAGE:
            raise ValueError(f"is longer than {LONGEST_MESSAGE} characters")
        return kind, message

    def show(self, value: Any) -> str:
        return f"{value[0]}: {value[1]}"
