"""Each module has a test of its name: a script of `make check`.

A module `cli/faultlayer_cli/ROOM/name.py` is proven by `test_name.py` or `test_name_MORE.py` in
`tests/cli/ROOM/`, one of the extension in `tests/unit/ROOM/`. What is proven from outside instead
is in `tests/proxy/ROOM/` (a proxy between a fake runtime and a fake upstream) or in `tests/aws/`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
MIRRORS = {
    ROOT / "extension" / "faultlayer": (TESTS / "unit", TESTS / "proxy"),
    ROOT / "cli" / "faultlayer_cli": (TESTS / "cli",),
}


def modules(package: Path) -> Iterator[Path]:
    """The package's modules, but for those that only name a package or start it."""
    for path in sorted(package.rglob("*.py")):
        if not path.stem.startswith("__") and "data" not in path.relative_to(package).parts:
            yield path


def proven(module: Path, package: Path) -> bool:
    """True if there is a test of this module's name."""
    room = module.relative_to(package).parent
    folders = [tests / room for tests in MIRRORS[package]]
    if package.name == "faultlayer_cli":
        folders.append(TESTS / "aws")
    names = (f"test_{module.stem}.py", f"test_{module.stem}_*.py")
    return any(any(folder.glob(name)) for folder in folders for name in names)


def main() -> int:
    missing = []
    for package, (where, *_) in MIRRORS.items():
        for module in modules(package):
            if not proven(module, package):
                test = where / module.relative_to(package).with_name(f"test_{module.name}")
                missing.append(f"{module.relative_to(ROOT)}: no {test.relative_to(ROOT)}")
    print(*missing, sep="\n", end="\n" if missing else "")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
