"""The memory of this environment, and whether a body would fit.

Linux overcommits memory and kills a process when it runs out, most likely the function. So free
memory is checked before a large body is buffered.
https://docs.kernel.org/admin-guide/cgroup-v2.html#memory
"""

from __future__ import annotations

from faultlayer.environment.read import read

_GROUPS = "/sys/fs/cgroup"
_FILES = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))
_CONTROLLER = _FILES[0][0].partition(".")[0]
_EACH = 1 << 20  # bytes of a body between two looks; a shorter one is read without
_TIMES = 4  # the memory that reading and changing a body takes, in sizes of the body


def machine() -> tuple[int, int]:
    """The machine's memory, and how much of it is available, in bytes (proc(5), meminfo)."""
    found = {}
    for line in read("/proc/meminfo").splitlines():
        name, _, rest = line.partition(b":")
        number = rest.split()[:1]
        if number and number[0].isdigit():
            found[name] = int(number[0]) << 10
    return found.get(b"MemTotal", 0), found.get(b"MemAvailable", 0)


def _groups() -> list[str]:
    """The folders of our control group and of those that it is in, of either version."""
    folders = []
    for line in read("/proc/self/cgroup").decode("utf-8", "replace").splitlines():
        _, names, path = [*line.split(":", 2), "", ""][:3]
        if not names or _CONTROLLER in names.split(","):
            root = f"{_GROUPS}/{names}".rstrip("/")
            while path not in ("", "/"):
                folders.append(root + path)
                path = path.rpartition("/")[0]
            folders.append(root)  # as a container sees its own
    return folders


def within_groups(total: int) -> int | None:
    """The bytes left below the lowest limit of our control groups; None without a limit."""
    least = None
    for folder in _groups():
        for limit, usage in _FILES:
            most, used = read(f"{folder}/{limit}").strip(), read(f"{folder}/{usage}").strip()
            if most.isdigit() and used.isdigit() and int(most) < total:
                below = int(most) - int(used) + _reclaimable(folder)
                least = below if least is None else min(least, below)
    return least


def _reclaimable(folder: str) -> int:
    """Bytes of files that the kernel would let go of before it ends anybody."""
    found = dict(line.partition(b" ")[::2] for line in read(f"{folder}/memory.stat").splitlines())
    number = found.get(b"total_inactive_file", found.get(b"inactive_file", b""))
    return int(number) if number.isdigit() else 0


def free_memory() -> int:
    """How many bytes could be taken before the kernel ends a process, ours or another here."""
    total, available = machine()
    if not total:  # nothing is known
        return _EACH << 20
    within = within_groups(total)
    return available if within is None else min(available, within)


def require_memory(before: int, size: int) -> None:
    """Raise MemoryError if a body that grows from `before` to `size` bytes will not fit."""
    if before // _EACH < size // _EACH and free_memory() < _TIMES * size:
        raise MemoryError
