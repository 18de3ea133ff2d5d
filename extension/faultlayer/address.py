"""The file through which the wrapper learns the proxy's address.

It holds the address, our process id and our start time, so that the wrapper believes it only
while we live: /tmp survives a re-initialised environment.
"""

from __future__ import annotations

import posix

_DEFAULT = b"/tmp/.faultlayer"
# The other name is for several on one machine: Lambda itself keeps it from extensions.
PATH = posix.environ.get(b"_FAULTLAYER_ADDRESS", _DEFAULT)


def withdraw() -> None:
    """Remove the file, whoever wrote it; raises OSError where it is there and stays."""
    try:
        posix.unlink(PATH)
    except FileNotFoundError:
        pass


def _born() -> bytes:
    """Our start time in clock ticks since boot, field 22 of /proc/self/stat (proc(5))."""
    try:
        fd = posix.open("/proc/self/stat", posix.O_RDONLY)
    except OSError:
        return b"-"
    try:
        return posix.read(fd, 4096).rpartition(b")")[2].split()[19]
    finally:
        posix.close(fd)


def publish(host: str, port: int) -> None:
    """Write the file; raises OSError where that is impossible."""
    fd = posix.open(PATH, posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_NOFOLLOW, 0o644)
    try:
        line = b"%b:%d %d %b\n" % (host.encode(), port, posix.getpid(), _born())
        posix.write(fd, line)
    finally:
        posix.close(fd)
