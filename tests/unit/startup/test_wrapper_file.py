"""The file that the wrapper believes: what it says, and that nobody is led astray by it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from faultlayer.startup import wrapper_file


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "address"
    monkeypatch.setattr(wrapper_file, "PATH", bytes(path))
    return path


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_it_says_where_and_who(published: Path) -> None:
    wrapper_file.publish(("127.0.0.1", 9747))
    text = published.read_text()
    found = re.fullmatch(r"127\.0\.0\.1:9747 (\d+) (\d+)\n", text)
    assert found
    assert int(found[1]) == os.getpid()
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    assert found[2] == fields[22 - 3], "field 22, and the text after the name begins with field 3"


def test_all_may_read_it_and_only_we_write_it(published: Path, open_umask: None) -> None:
    wrapper_file.publish(("127.0.0.1", 9747))
    assert stat.S_IMODE(published.stat().st_mode) == 0o644


def test_withdrawn_it_is_gone(published: Path) -> None:
    wrapper_file.withdraw()
    wrapper_file.publish(("127.0.0.1", 9747))
    wrapper_file.withdraw()
    assert not published.exists()
    wrapper_file.withdraw()


@pytest.mark.parametrize("stale", ["127.0.0.1:1 2 3\n", "", "x" * 10_000])
def test_a_stale_file_is_replaced(published: Path, stale: str) -> None:
    published.write_text(stale)
    wrapper_file.withdraw()
    wrapper_file.publish(("127.0.0.1", 9747))
    assert published.read_text().startswith("127.0.0.1:9747 ")


def test_it_never_overwrites(published: Path) -> None:
    published.write_text("someone's")
    with pytest.raises(FileExistsError):
        wrapper_file.publish(("127.0.0.1", 9747))
    assert published.read_text() == "someone's"


@pytest.mark.parametrize("there", [True, False])
def test_a_planted_link_is_not_followed(published: Path, tmp_path: Path, there: bool) -> None:
    target = tmp_path / "target"
    if there:
        target.write_text("precious")
    published.symlink_to(target)
    with pytest.raises(OSError, match="exists"):
        wrapper_file.publish(("127.0.0.1", 9747))
    wrapper_file.withdraw()
    wrapper_file.publish(("127.0.0.1", 9747))
    assert not published.is_symlink()
    assert published.read_text().startswith("127.0.0.1:9747 ")
    assert target.exists() == there
    assert not there or target.read_text() == "precious"


def test_a_file_that_stays_is_an_error(published: Path) -> None:
    """So that the runtime starts untouched, rather than by what is not ours."""
    published.mkdir()
    with pytest.raises(OSError, match="address"):
        wrapper_file.withdraw()
    with pytest.raises(OSError, match="exists"):
        wrapper_file.publish(("127.0.0.1", 9747))


def test_without_proc_nobody_is_named(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def no_proc(path: str | bytes, *rest: int) -> int:
        if path == "/proc/self/stat":
            raise FileNotFoundError
        return real(path, *rest)

    monkeypatch.setattr("posix.open", no_proc)
    wrapper_file.publish(("127.0.0.1", 9747))
    assert published.read_text() == f"127.0.0.1:9747 {os.getpid()} -\n"


def test_without_a_proxy_the_address_is_left_out(published: Path) -> None:
    wrapper_file.publish(None, {"A": "b"})
    assert re.fullmatch(r"- \d+ \d+\nA 1\nb\n", published.read_text())


def test_variables_are_told_line_by_line(published: Path) -> None:
    texts = {"UNSET": None, "EMPTY": "", "TWO": "1\n\\2 ", "ENDS": "é\n"}
    wrapper_file.publish(("127.0.0.1", 9747), texts)
    _, _, rest = published.read_text().partition("\n")
    assert rest == "UNSET 0\nEMPTY 1\n\nTWO 2\n1\n\\2 \nENDS 2\né\n\n"


def test_it_is_whole_or_not_there(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full /tmp may take a part: half a text would be a fault that nobody asked for."""
    real = os.write
    monkeypatch.setattr("posix.write", lambda fd, data: real(fd, data[:9]))
    with pytest.raises(OSError, match="28"):
        wrapper_file.publish(("127.0.0.1", 9747))
    assert not published.exists()
