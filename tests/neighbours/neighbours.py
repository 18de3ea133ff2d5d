"""What the tests of neighbours share: names, and the fixtures' types."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from rie.support import Function

FUNCTIONS = Path(__file__).resolve().parent / "functions"
WRAPPER = '/opt/another\'s "tools" & more/a wrapper'  # another product's
ADDED = "spaces, 'quotes' and\na newline"  # what that adds to the environment
# What `bootstrap` gives the runtime beside the handler.
ARGUMENTS = ("two  spaces", 'it\'s "quoted"', "a\nnewline", "", "*", "$HOME", "--", "\\n")
NEVER = {"FAULTLAYER_LATENCY": "1ms", "FAULTLAYER_LATENCY_RATE": "0.000001"}


class Run(Protocol):
    def __call__(
        self, *, layer: Path | None = None, timeout: int = 10, **variables: str
    ) -> Function: ...


class Compose(Protocol):
    def __call__(self, *names: str) -> Path: ...
