"""The message of a function error, with a type or without."""

from __future__ import annotations

import pytest

from faultlayer.values.error_message import LONGEST_MESSAGE, UNNAMED, ErrorMessage

KIND = ErrorMessage()


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("it broke", (UNNAMED, "it broke")),
        ("ValueError: no such order", ("ValueError", "no such order")),
        (" Runtime.ImportModuleError: No module ", ("Runtime.ImportModuleError", "No module")),
        ("a.b.C: ", ("a.b.C", "")),
        ("no type: though a colon", (UNNAMED, "no type: though a colon")),
        ("1st: is no name", (UNNAMED, "1st: is no name")),
        ("Überfall: no ASCII", (UNNAMED, "Überfall: no ASCII")),
        (": nothing before it", (UNNAMED, ": nothing before it")),
        ("T: a: b", ("T", "a: b")),
    ],
)
def test_a_type_is_what_could_be_the_name_of_one(text: str, parsed: tuple[str, str]) -> None:
    assert KIND.parse(text) == parsed
    assert KIND.parse(KIND.show(parsed)) == parsed


@pytest.mark.parametrize("text", ["x" * (LONGEST_MESSAGE + 1), "T" * (LONGEST_MESSAGE + 1) + ": x"])
def test_what_is_too_long_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"longer than {LONGEST_MESSAGE} characters"):
        KIND.parse(text)
    assert KIND.parse("x" * LONGEST_MESSAGE)[1] == "x" * LONGEST_MESSAGE


@pytest.mark.parametrize("value", [None, 5, ["x"], {}, "\udc80"])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        KIND.parse(value)
