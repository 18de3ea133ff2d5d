"""How much of each room the tests reach, as `make coverage` prints it.

Exit status 1 if a module of the data path has less than 95 % of its lines reached.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = (ROOT / "extension" / "faultlayer", ROOT / "cli" / "faultlayer_cli")
DATA_PATH = {"proxy", "acting", "wire", "http", "targeting", "faults"}
LEAST = 95.0  # percent


class Lines:
    """How many lines there are, and how many the tests reach."""

    def __init__(self) -> None:
        self.all = self.reached = 0

    def add(self, number: int, missing: int) -> None:
        self.all += number
        self.reached += number - missing

    def percent(self) -> float:
        return 100 * self.reached / self.all if self.all else 100.0


def room(path: Path, package: Path) -> str:
    """The room of a module: its folder, or its own name at the top of the package."""
    first = path.relative_to(package).parts[0]
    return first.removesuffix(".py")


def main() -> int:
    measured = Coverage(data_file=str(ROOT / "build" / "coverage" / "data"))
    measured.load()
    low = []
    for package in PACKAGES:
        rooms: dict[str, Lines] = defaultdict(Lines)
        for path in sorted(package.rglob("*.py")):
            _, statements, _, missing, ranges = measured.analysis2(str(path))
            name = room(path, package)
            rooms[name].add(len(statements), len(missing))
            mine = Lines()
            mine.add(len(statements), len(missing))
            if package is PACKAGES[0] and name in DATA_PATH and mine.percent() < LEAST:
                low.append(f"{path.relative_to(ROOT)}: {mine.percent():.1f} %, not {ranges}")
        print(f"\n{package.relative_to(ROOT)}")
        for name, lines in sorted(rooms.items()):
            mark = "  data path" if package is PACKAGES[0] and name in DATA_PATH else ""
            print(f"  {name:<16}{lines.all:>6} lines {lines.percent():>6.1f} %{mark}")
    if low:
        print(f"\nless than {LEAST:.0f} % of the data path:", *low, sep="\n  ")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
