"""Files of the kernel: /proc and /sys/fs/cgroup."""

from __future__ import annotations

import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_SIZE = 1 << 16  # bytes
_TABLE = 1 << 15  # bytes of a table at a time


def _parts(path: str, size: int) -> Iterator[bytes]:
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
        try:
            while part := posix.read(fd, size):
                yield part
        finally:
            posix.close(fd)
    except OSError:
        pass


def read(path: str) -> bytes:
    """The file's bytes; none if it, or its process, is gone or not ours to see."""
    return b"".join(_parts(path, _SIZE))


def parts(path: str) -> Iterator[bytes]:
    """The file's whole lines, some at a time: a table of sockets can have thousands of them."""
    rest = b""
    for part in _parts(path, _TABLE):
        whole, line_break, rest = (rest + part).rpartition(b"\n")
        if line_break:
            yield whole
    if rest:
        yield rest
