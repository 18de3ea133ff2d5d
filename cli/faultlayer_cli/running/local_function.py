"""A function to run on this machine, wherever it runs: its code and its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class LocalFunction:
    """A function's folder and settings, as one value for each way to run it.

    `env` is given to the function and the layer as it is, and may replace every default (None takes
    one away). `layer` is the tree for /opt, by default the one that comes with this command.
    """

    folder: Path
    handler: str = "app.handler"
    env: Mapping[str, str | None] = field(default_factory=dict)
    timeout: int = 3  # seconds
    memory: int = 128  # MB that the function is told it has
    storage: int | None = None  # MB of /tmp, which is in memory then
    layer: Path | None = None
