"""Small files of the kernel, and files that are gone."""

from __future__ import annotations

import os
from pathlib import Path

from faultlayer.environment.read import read


def test_a_file_is_read_whole_however_long_it_is(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for size in (0, 1, 65536, 200_000):
        path.write_bytes(b"x" * size)
        assert read(str(path)) == b"x" * size
    assert read("/proc/self/status").startswith(b"Name:")


def test_what_cannot_be_read_is_empty(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for path in (tmp_path / "none", tmp_path, Path("/proc/4194999/status")):
        assert read(str(path)) == b""
    assert len(os.listdir("/proc/self/fd")) == before
