"""What the tests of the command share beside fixtures."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from faultlayer_cli.running.launch import Launch

ROOT = Path(__file__).resolve().parents[2]
HELLO = ROOT / "examples" / "hello"


@dataclass
class Said:
    """What one call of the command did."""

    code: int
    out: str
    err: str
    run: Launch | None

    @property
    def lines(self) -> list[str]:
        return self.err.splitlines()


Command = Callable[..., Said]
Started = Callable[..., "subprocess.Popen[str]"]
