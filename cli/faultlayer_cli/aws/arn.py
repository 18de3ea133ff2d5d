"""ARNs of layers: those of faultlayer, with their architecture."""

from __future__ import annotations

import re

_OURS = re.compile(r":layer:faultlayer(?:-[A-Za-z0-9_-]+)?-(x86_64|arm64):[0-9]+$")


def architecture_of(arn: str) -> str:
    """The architecture of a layer of faultlayer's; empty if it is someone else's."""
    found = _OURS.search(arn)
    return found[1] if found else ""


def is_ours(arn: str) -> bool:
    return bool(architecture_of(arn))
