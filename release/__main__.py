"""`make dist`, after the layers are built: python -m release [--to FOLDER]

Exit status 0 if everything is written, 1 with one line on what is wrong, 2 on a bad argument.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from layer.unpacked import TARGETS
from release import contents, packages, sums

ROOT = Path(__file__).resolve().parent.parent
MB = 1 << 20


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m release")
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="default: dist/")
    target = parser.parse_args(arguments).to.resolve()
    try:
        release(target)
    except (packages.ReleaseError, OSError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


def release(target: Path) -> None:
    when = packages.epoch(ROOT)
    built = packages.build(ROOT, target, when)
    zips = [_placed(f"faultlayer-{architecture}.zip", target) for architecture in TARGETS]
    written = [*built, *zips, *(contents.write(each, when) for each in zips)]
    for path in [*written, sums.write(target, written)]:
        print(f"{path.stat().st_size / MB:6.2f} MB  {path}")


def _placed(name: str, target: Path) -> Path:
    """The layer's zip of this name, in the folder `target`."""
    source, wanted = ROOT / "dist" / name, target / name
    if source != wanted:
        shutil.copyfile(source, wanted)
    return wanted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
