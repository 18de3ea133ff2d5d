"""The layers that an installed package carries as zips, and their trees in the cache."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from faultlayer_cli.errors import Failure
from faultlayer_cli.layers import cache

ZIPS = Path(__file__).resolve().parents[1] / "data" / "layers"  # hatch_build.py puts them there


def archive(arch: str, option: str) -> Path:
    """The layer's zip; Failure names the option that takes another one."""
    path = ZIPS / f"faultlayer-{arch}.zip"
    if not path.is_file():
        raise Failure(
            f"this installation carries no layer for {arch}: install faultlayer from a wheel, "
            f"or say where a layer is with {option}"
        )
    return path


def tree(arch: str) -> Path:
    """The layer's tree, unpacked once for each content of the zip."""
    source = archive(arch, "--layer")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    final = cache.folder() / f"layer-{arch}-{digest[:16]}"
    if final.is_dir():
        return final
    with cache.workshop() as work:
        made = Path(work) / "layer"
        try:
            _unpack(source, made)
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise Failure(f"{source} is damaged ({error}): install faultlayer again") from None
        except OSError as error:
            raise Failure(f"cannot unpack the layer to {work}: {error.strerror}") from None
        return cache.settle(made, final)


def _unpack(source: Path, target: Path) -> None:
    """Unpack with the modes that the zip has: `zipfile` leaves them out."""
    with zipfile.ZipFile(source) as opened:
        for entry in opened.infolist():
            path = Path(opened.extract(entry, target))
            if not entry.is_dir():
                path.chmod(entry.external_attr >> 16 & 0o777)
