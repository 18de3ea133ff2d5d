"""JSON where the interpreter has loaded nothing else, as inside Lambda."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("text", ["", "{", "{x:1}", '{"x"}', '{"x":1,}', '"x', '"\\y"', "[1", "x"])
def test_malformed_json_is_a_value_error(text: str) -> None:
    command = [sys.executable, "-ISc", _LOADS, str(EXTENSION), text]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.stdout.startswith("ValueError: "), done.stderr
