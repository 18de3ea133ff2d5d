"""The folder of fetched and unpacked files.

Everything in it is complete or absent: it is made in a workshop beside its final place and gets
its name last. It may be deleted at any time.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from faultlayer_cli.errors import Failure
from faultlayer_cli.layers import checkout


def folder() -> Path:
    """The checkout's cache, or the user's if there is no checkout."""
    root = checkout.root()
    if root is not None:
        return root / ".cache"
    base = os.environ.get("XDG_CACHE_HOME") or ""
    if Path(base).is_absolute():
        return Path(base) / "faultlayer"
    try:
        return Path.home() / ".cache" / "faultlayer"
    except RuntimeError:  # a user without a name and without HOME, as in some containers
        raise Failure("there is no home folder for the cache: set XDG_CACHE_HOME") from None


def workshop() -> tempfile.TemporaryDirectory[str]:
    """A folder beside the final place, so that a rename is all that is left to do."""
    place = folder()
    try:
        place.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=".fetching-", dir=place)
    except OSError as error:
        raise Failure(
            f"cannot write to the cache {place}: {error.strerror}; XDG_CACHE_HOME names another"
        ) from None


def settle(made: Path, final: Path) -> Path:
    """Give a folder that is complete its final name; another process may have been first."""
    try:
        made.rename(final)
    except OSError:
        if not final.is_dir():
            raise
    return final
