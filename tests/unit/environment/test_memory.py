"""How much memory is left, by the machine and by control groups of either version."""

from __future__ import annotations

import pytest

from faultlayer.environment import memory

MB = 1 << 20
MEMINFO = b"MemTotal:       1048576 kB\nMemFree: 1 kB\nMemAvailable:    524288 kB\nHugePages: 0\n"
UNLIMITED = b"9223372036854771712"


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The kernel's files; those that are not here cannot be read."""
    found = {"/proc/meminfo": MEMINFO, "/proc/self/cgroup": b"0::/a/b\n"}
    monkeypatch.setattr(memory, "read", lambda path: found.get(path, b""))
    return found


def test_without_a_limit_it_is_what_the_machine_has_available(files: dict[str, bytes]) -> None:
    assert memory.machine() == (1024 * MB, 512 * MB)
    assert memory.within_groups(1024 * MB) is None
    assert memory.free_memory() == 512 * MB


@pytest.mark.parametrize("folder", ["/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup"])
def test_the_limit_of_the_group_or_of_one_around_it(files: dict[str, bytes], folder: str) -> None:
    files[f"{folder}/memory.max"] = b"%d\n" % (100 * MB)
    files[f"{folder}/memory.current"] = b"%d\n" % (70 * MB)
    files[f"{folder}/memory.stat"] = b"anon 1\ninactive_file %d\n" % (5 * MB)
    assert memory.free_memory() == 35 * MB, "with what the kernel would let go of"


def test_the_least_of_several_limits(files: dict[str, bytes]) -> None:
    for folder, most in (("/a/b", b"max"), ("/a", b"%d" % (90 * MB)), ("", b"%d" % (40 * MB))):
        files[f"/sys/fs/cgroup{folder}/memory.max"] = most
        files[f"/sys/fs/cgroup{folder}/memory.current"] = b"%d" % (30 * MB)
    assert memory.free_memory() == 10 * MB


def test_the_first_version_of_control_groups(files: dict[str, bytes]) -> None:
    files["/proc/self/cgroup"] = b"3:cpu,cpuacct:/other\n2:memory:/mine\n1:name=systemd:/x\n"
    folder = "/sys/fs/cgroup/memory/mine"
    files[f"{folder}/memory.limit_in_bytes"] = b"%d\n" % (64 * MB)
    files[f"{folder}/memory.usage_in_bytes"] = b"%d\n" % (60 * MB)
    files[f"{folder}/memory.stat"] = b"inactive_file 7\ntotal_inactive_file %d\n" % MB
    files["/sys/fs/cgroup/memory/memory.limit_in_bytes"] = UNLIMITED
    files["/sys/fs/cgroup/memory/memory.usage_in_bytes"] = b"1"
    assert memory.free_memory() == 5 * MB


@pytest.mark.parametrize("broken", [b"", b"\xff\xfe", b"MemTotal: lots kB\n", b"MemTotal:\n"])
def test_where_nothing_is_known_there_is_enough(files: dict[str, bytes], broken: bytes) -> None:
    files["/proc/meminfo"] = broken
    files["/proc/self/cgroup"] = broken
    memory.require_memory(0, 100 * MB)


def test_a_body_is_refused_where_four_times_its_size_is_not_left(files: dict[str, bytes]) -> None:
    memory.require_memory(0, 128 * MB)
    with pytest.raises(MemoryError):
        memory.require_memory(0, 128 * MB + 1)


def test_it_is_asked_for_once_in_a_megabyte(
    files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(memory, "free_memory", lambda: asked.append(1) or 0)
    memory.require_memory(0, MB - 1)
    memory.require_memory(MB, 2 * MB - 1)
    assert asked == []
    with pytest.raises(MemoryError):
        memory.require_memory(MB - 1, MB)
    assert asked == [1]
