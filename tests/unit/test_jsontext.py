"""JSON where the interpreter has loaded nothing else, as inside Lambda."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from faultlayer import jsontext

EXTENSION = Path(__file__).parents[2] / "extension"

# Nothing may have loaded json.decoder: the C scanner takes its exception from there.
_LOADS = """
import sys
sys.path.insert(0, sys.argv[1])
from faultlayer import jsontext
assert "json" not in sys.modules
try:
    jsontext.loads(sys.argv[2])
except ValueError as error:
    print("ValueError:", error)
"""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (" \n", "is empty"),
        ("{", "is not JSON: line 1, column 2: expecting property name"),
        ('{"a":1,\n "b" 2}', "is not JSON: line 2, column 6: expecting ':' delimiter"),
        ("\r\n [1,\n\nx]", "is not JSON: line 4, column 1: expecting value"),
        ("{}\n {}", "is not JSON: line 2, column 2: extra data"),
        ("9" * 5000, "has a number of more digits"),
        ("[" * 100_000, "is nested too deeply"),
    ],
    ids=lambda value: value[:20],
)
def test_a_mistake_has_its_place(text: str, why: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(why)):
        jsontext.loads_or_why(text)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_text_in_any_encoding(encoding: str) -> None:
    for text in ("", "{", '{"a":"\xe9\u4e2d\U0001f600"}\r\n'):
        assert jsontext.decoded(text.encode(encoding)) == text
    marked = "\ufeff{}".encode("utf-16-be")
    assert jsontext.decoded(marked) == "{}"


@pytest.mark.parametrize("data", [b"\xff", b"\xff\xfe{", b"{\0\0\xd8\0", b"a\xc3"])
def test_what_is_no_text(data: bytes) -> None:
    with pytest.raises(ValueError, match="is not text in UTF-8 or UTF-16"):
        jsontext.decoded(data)


@pytest.mark.parametrize("text", ["", "{", "{x:1}", '{"x"}', '{"x":1,}', '"x', '"\\y"', "[1", "x"])
def test_malformed_json_is_a_value_error(text: str) -> None:
    command = [sys.executable, "-ISc", _LOADS, str(EXTENSION), text]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.stdout.startswith("ValueError: "), done.stderr
