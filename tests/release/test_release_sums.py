"""SHA256SUMS: `sha256sum --check` agrees, and nothing is left out."""

from __future__ import annotations

import subprocess
from pathlib import Path

from release import sums


def test_everything_that_is_released_is_summed(dist: Path):
    command = ["sha256sum", "--check", "--strict", sums.NAME]
    done = subprocess.run(command, check=False, cwd=dist, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    checked = {line.partition(":")[0] for line in done.stdout.splitlines()}
    assert checked == {path.name for path in dist.iterdir()} - {sums.NAME}
    assert len(checked) == 6


def test_lines_are_sorted_by_name(tmp_path: Path):
    files = [tmp_path / name for name in ("b", "a", "c")]
    for path in files:
        path.write_bytes(path.name.encode())
    lines = sums.write(tmp_path, files).read_text().splitlines()
    assert [line.split("  ")[1] for line in lines] == ["a", "b", "c"]
