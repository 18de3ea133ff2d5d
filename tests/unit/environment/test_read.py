"""Small files of the kernel, and files that are gone."""

from __future__ import annotations

import os
from pathlib import Path

from faultlayer.environment.read import parts, read


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


def test_parts_have_whole_lines_whatever_is_read_at_once(tmp_path: Path) -> None:
    told = [b"%06d" % number * (number % 40) for number in range(5000)]
    file = tmp_path / "table"
    file.write_bytes(b"\n".join(told))
    found = list(parts(str(file)))
    assert len(found) > 1
    assert b"\n".join(found).split(b"\n") == told
    assert list(parts(str(tmp_path / "gone"))) == []
