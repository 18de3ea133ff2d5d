"""What is said to the user beside a command's output: on standard error, one line each."""

from __future__ import annotations

import sys


def say(message: str) -> None:
    print(f"faultlayer: {message}", file=sys.stderr, flush=True)
