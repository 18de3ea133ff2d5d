"""The built layers of this machine: those of the checkout, or those that the package carries."""

from __future__ import annotations

from pathlib import Path

from faultlayer_cli.layers import carried, checkout
from faultlayer_cli.progress import SILENT, Progress


def tree(arch: str, progress: Progress = SILENT) -> Path:
    """The tree for /opt, built or unpacked first if that is due."""
    if checkout.root() is None:
        return carried.tree(arch)
    return checkout.layer(arch, progress)


def archive(arch: str, progress: Progress = SILENT) -> Path:
    """The zip to publish, built first if that is due."""
    if checkout.root() is None:
        return carried.archive(arch, "--zip")
    return checkout.layer_zip(arch, progress)
