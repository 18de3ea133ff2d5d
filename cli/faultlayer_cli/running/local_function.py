"""A function to run on this machine: its code and its settings."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class Runtime(Enum):
    """A runtime that functions run on without a container; the value is its name in AWS."""

    PYTHON = "python"
    NODE = "nodejs"
    JAVA = "java"

    @property
    def title(self) -> str:
        return _TITLES[self]

    @property
    def image(self) -> str:
        """The name of AWS's image for it; for Python that of our own version."""
        return f"public.ecr.aws/lambda/{self.value}:{_VERSIONS[self]}"


_TITLES = {Runtime.PYTHON: "Python", Runtime.NODE: "Node.js", Runtime.JAVA: "Java"}
_VERSIONS = {
    Runtime.PYTHON: f"{sys.version_info.major}.{sys.version_info.minor}",
    Runtime.NODE: "22",
    Runtime.JAVA: "21",
}


@dataclass(frozen=True)
class LocalFunction:
    """A function's folder and settings, for namespaces and for Docker.

    `env` is given to the function and the layer as it is, and may replace every default (None takes
    one away). `layer` is the tree for /opt, by default the one that comes with this command. The
    function finds the names in `hosts` at their addresses.
    """

    folder: Path
    handler: str = "app.handler"
    env: Mapping[str, str | None] = field(default_factory=dict)
    timeout: int = 3  # seconds
    memory: int = 128  # MB that the function is told it has
    storage: int | None = None  # MB of /tmp, which is in memory then
    layer: Path | None = None
    runtime: Runtime = Runtime.PYTHON
    hosts: Mapping[str, str] = field(default_factory=dict)
