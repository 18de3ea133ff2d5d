"""The built layers of this machine: those of the checkout, or those that the package carries."""

from __future__ import annotations

from pathlib import Path

from faultlayer_cli.layers import carried, checkout


def tree(arch: str) -> Path:
    """The tree for /opt, built or unpacked first if that is due."""
    return carried.tree(arch) if checkout.root() is None else checkout.layer(arch)


def archive(arch: str) -> Path:
    """The zip to publish, built first if that is due."""
    return carried.archive(arch, "--zip") if checkout.root() is None else checkout.layer_zip(arch)
