"""Space of /tmp: what is taken, and that it is released; on real file systems."""

from __future__ import annotations

import errno
import os
import posix
import threading
from typing import Any

import pytest

from fakes.holding import MB, hold, in_small_tmp, sandbox, take, taken
from faultlayer.environment import space


def test_the_function_gets_a_real_enospc_and_then_its_space_back() -> None:
    told = in_small_tmp("""
        def write(size):
            try:
                with open("/tmp/f", "wb", buffering=0) as file:
                    while size > 0:
                        size -= file.write(b"x" * min(size, 1 << 20))
            except OSError as error:
                return error.errno
            finally:
                os.unlink("/tmp/f")
        before, names = os.statvfs("/tmp").f_bfree, os.listdir("/tmp")
        with taken(hold("disk", "60MB")) as numbers:
            new, full = os.listdir("/tmp") != names, write(8 << 20)
            fits = write(2 << 20)
        print(json.dumps([numbers, new, full, fits, write(40 << 20)]
            + [before - os.statvfs("/tmp").f_bfree]))
    """)
    assert told == [{"held": 60 * MB}, False, errno.ENOSPC, None, None, 0]


@pytest.mark.parametrize(
    ("value", "held", "left"),
    [("free:10MB", 54, 10), ("free:0", 64, 0), ("100MB", 64, 0), ("10GB", 64, 0), ("4MB", 4, 60)],
)
def test_down_to_what_is_to_be_left_and_never_more_than_there_is(
    value: str, held: int, left: int
) -> None:
    told = in_small_tmp(f"""
        with taken(hold("disk", {value!r})) as numbers:
            space = os.statvfs("/tmp")
            print(json.dumps([numbers, space.f_bfree * space.f_bsize]))
    """)
    assert told == [{"held": held * MB}, left * MB]


def test_two_at_once_hold_theirs_each() -> None:
    told = in_small_tmp("""
        def free():
            return os.statvfs("/tmp").f_bfree * 4096 >> 20
        first, _ = take(hold("disk", "10MB"), sandbox())
        second, _ = take(hold("disk", "20MB"), sandbox())
        told = [free()]
        first()
        told.append(free())
        second()
        print(json.dumps(told + [free()]))
    """)
    assert told == [34, 44, 64]


@pytest.mark.parametrize("first", ["free:10MB", "30MB"])
def test_so_much_is_left_to_each_of_two_at_once_also_when_the_other_has_ended(first: str) -> None:
    told = in_small_tmp(f"""
        def free():
            return os.statvfs("/tmp").f_bfree * 4096 >> 20
        first, _ = take(hold("disk", {first!r}), sandbox())
        second, numbers = take(hold("disk", "free:10MB"), sandbox())
        told = [numbers["held"] >> 20, free()]
        first()
        told.append(free())
        second()
        print(json.dumps(told + [free()]))
    """)
    assert told == [54, 10, 10, 64]


def test_where_less_is_free_already_nothing_is_taken() -> None:
    told = in_small_tmp("""
        before = len(os.listdir("/proc/self/fd"))
        try:
            take(hold("disk", "free:65MB"), sandbox())
        except ValueError as error:
            print(json.dumps([str(error), len(os.listdir("/proc/self/fd")) - before]))
    """)
    assert told == ["/tmp has no more than that free already", 0]


def test_a_developers_disk_is_not_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that shares the machine's disk."""
    monkeypatch.setattr(space, "_free", lambda fd: 500 << 30)
    tried: list[int] = []
    monkeypatch.setattr(space, "_fill", lambda fd, want: tried.append(want))
    with pytest.raises(ValueError, match="more than 10 GB would have to be filled"):
        take(hold("disk", "free:10MB"), sandbox())
    assert not tried


# -- file systems that can do less ------------------------------------------------------------


def no_nameless_files(path: str, flags: int, *rest: Any) -> int:
    if flags & posix.O_TMPFILE == posix.O_TMPFILE:
        raise OSError(errno.EOPNOTSUPP, "no")
    return os.open(path, flags, *rest)


def test_without_nameless_files_one_is_named_for_a_moment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(space, "_FOLDER", str(tmp_path))
    monkeypatch.setattr(space.posix, "open", no_nameless_files)
    failures: list[Exception] = []

    def run() -> None:
        try:
            with taken(hold("disk", "64KB")) as numbers:
                assert numbers == {"held": 65536}
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert not os.listdir(tmp_path)


def test_a_read_only_file_system_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "_FOLDER", "/proc/self")
    with pytest.raises(OSError):
        take(hold("disk", "64KB"), sandbox())


def test_what_fails_in_the_middle_leaves_no_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(fd: int, offset: int, size: int) -> None:
        raise OSError(errno.EIO, "")

    monkeypatch.setattr(space.posix, "posix_fallocate", fails)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="5"):
        take(hold("disk", "64KB"), sandbox())
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize("kept", [0, 4096, 100_000, 3 * MB])
def test_where_others_take_space_meanwhile_what_can_be_had_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, kept: int
) -> None:
    """Such as what a file system keeps for itself, though it counts as free."""
    free = 8 * MB
    filled = [0]

    def allocate(fd: int, offset: int, size: int) -> None:
        if size > free - kept:
            raise OSError(errno.ENOSPC, "")
        filled[0] = size

    monkeypatch.setattr(space, "_free", lambda fd: free - filled[0])
    monkeypatch.setattr(space.posix, "posix_fallocate", allocate)
    with taken(hold("disk", "free:0")) as numbers:
        assert numbers["held"] == filled[0]
        assert 0 < free - kept - filled[0] + 1 <= max(free // 16, 8192)
