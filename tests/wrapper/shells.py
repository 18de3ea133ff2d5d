"""The wrapper, and the shells that /bin/sh may be."""

from __future__ import annotations

from pathlib import Path

WRAPPER = Path(__file__).resolve().parents[2] / "wrapper" / "faultlayer-wrapper"
SHELLS = {
    "dash": ["dash"],
    "bash": ["bash", "--posix"],
    "busybox": ["busybox", "sh"],
}
# Images may have a shell that is not asked for POSIX.
ALL_SHELLS = {**SHELLS, "bash, its own way": ["bash"]}
