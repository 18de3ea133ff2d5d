"""Small files of the kernel, read whole: /proc and /sys/fs/cgroup."""

from __future__ import annotations

import posix


def read(path: str) -> bytes:
    """The file's bytes; none if it, or its process, is gone or not ours to see."""
    parts = []
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
        try:
            while part := posix.read(fd, 65536):
                parts.append(part)
        finally:
            posix.close(fd)
    except OSError:
        pass
    return b"".join(parts)
