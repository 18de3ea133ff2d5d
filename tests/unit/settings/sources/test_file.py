"""A plan in a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from faultlayer.settings.draft import MAX_SIZE
from faultlayer.settings.sources import find_source
from faultlayer.settings.sources.file import File


def test_the_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    source = find_source(f"file:{path}", {})
    assert isinstance(source, File)
    for text in (b"{}", b"", b"\xff"):
        path.write_bytes(text)
        assert source.fetch() == text


def test_of_one_that_is_too_large_one_byte_more_than_allowed_is_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(b" " * (2 * MAX_SIZE))
    assert len(File(str(path), {}).fetch()) == MAX_SIZE + 1


@pytest.mark.parametrize("path", ["", "plan.json", "./plan.json", "~/plan.json"])
def test_a_path_is_absolute(path: str) -> None:
    with pytest.raises(ValueError, match="is not an absolute path"):
        File(path, {})


def test_what_cannot_be_read_is_said_with_the_reason_and_without_the_path(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert File(str(tmp_path / "fifo"), {}).fetch() == b"", "nobody waits for a writer"
    for path, why in (
        (tmp_path / "none", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (f"{tmp_path}/nul\0", "is not a path that a file can have"),
    ):
        with pytest.raises(ValueError, match=why) as refused:
            File(str(path), {}).fetch()
        assert str(tmp_path) not in str(refused.value)
