"""`build.sh`: builds the layers, or leaves them be when nothing changed.

Exit status 0 when dist/ holds the layers, 1 with one line on what is wrong, 2 on a bad argument.
Two builds at once take turns; what they replace, they replace by renaming.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from layer import host, packages, stamp, tree
from layer.elf import patchelf
from layer.report import BuildError, say
from layer.unpacked import TARGETS, Unpacked, native

ROOT = Path(__file__).resolve().parent.parent
MB = 1 << 20


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"build.sh: {message}", file=sys.stderr)
        sys.exit(2)


def parse(arguments: list[str]) -> argparse.Namespace:
    description = "Builds dist/<arch>/ and dist/faultlayer-<arch>.zip."
    parser = Parser(prog="build.sh", description=description)
    parser.add_argument(
        "arch", nargs="?", default="x86_64", choices=[*TARGETS, "all"], help="default: x86_64"
    )
    parser.add_argument(
        "--refresh", action="store_true", help="look for newer packages, though some are cached"
    )
    return parser.parse_args(arguments)


@contextmanager
def turn(root: Path) -> Iterator[None]:
    """Holds the build folder alone."""
    (root / "build").mkdir(exist_ok=True)
    with open(root / "build" / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another build to finish")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prepare(root: Path, distro: host.Distribution, arch: str, refresh: bool) -> tree.Recipe:
    unpacked = {}
    for each in sorted({arch, native()}):
        chosen = packages.fetch(root, distro, each, refresh)
        folder = packages.unpack(root, distro, each, chosen)
        unpacked[each] = (Unpacked(folder, TARGETS[each], distro.python), chosen)
    target, shipped = unpacked[arch]
    return tree.Recipe(root, distro, shipped, target, unpacked[native()][0], patchelf(root))


def build(root: Path, distro: host.Distribution, arch: str, refresh: bool) -> None:
    began = time.time_ns()
    recipe = prepare(root, distro, arch, refresh)
    dist, done = root / "dist", root / "build" / f"{arch}.json"
    final, archive = dist / arch, dist / f"faultlayer-{arch}.zip"
    wanted = stamp.inputs(recipe)
    if _read(done) == {"inputs": wanted, "outputs": stamp.outputs(final, archive)}:
        _date(done, began)
        say(f"{arch}: up to date")
        return
    work = Path(tempfile.mkdtemp(prefix=f"{arch}-", dir=root / "build"))
    try:
        opt = work / "opt"
        opt.mkdir()
        tree.assemble(recipe, opt)
        tree.pack(recipe, opt, work / archive.name)
        dist.mkdir(exist_ok=True)
        _swap(opt, final, root / "build" / f"previous-{arch}")
        os.replace(work / archive.name, archive)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    done.write_text(json.dumps({"inputs": wanted, "outputs": stamp.outputs(final, archive)}))
    _date(done, began)
    size = sum(path.stat().st_size for path in final.rglob("*") if path.is_file())
    zipped = archive.stat().st_size
    say(f"{arch}: dist/{archive.name} {zipped / MB:.1f} MB, unpacked {size / MB:.1f} MB")


def _date(done: Path, began: int) -> None:
    """Date the stamp (ns): `faultlayer local` asks for a build if a source is younger than that."""
    os.utime(done, ns=(began, began))


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def _swap(new: Path, final: Path, previous: Path) -> None:
    """The replaced tree lives on until the next build: something may have it mounted as /opt."""
    shutil.rmtree(previous, ignore_errors=True)
    if final.exists():
        final.rename(previous)
    new.rename(final)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    try:
        distro = host.distribution()
        if distro is None or host.missing_tools():
            return host.build_in_container(ROOT, arguments)
        with turn(ROOT):
            for arch in TARGETS if options.arch == "all" else [options.arch]:
                build(ROOT, distro, arch, options.refresh)
    except (BuildError, OSError) as error:
        print(f"build.sh: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
