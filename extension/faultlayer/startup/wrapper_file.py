"""The file that tells the wrapper the proxy's address, and which variables to change.

Its first line holds the address (`-`: the runtime keeps the one it has), our process id, our start
time, and, if there are variables, a descriptor of ours. The wrapper believes it only while this
process lives: /tmp survives a re-initialised environment. Then come variables, each a line
`NAME COUNT` and COUNT lines of text, none for a variable that is to be unset. Once all are changed,
the wrapper writes a line to that descriptor, by its name in /proc: a shell needs no fork for that.
The file is complete, or not there.
"""

from __future__ import annotations

import posix
from errno import ENOSPC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULT = b"/tmp/.faultlayer"
# The other name is for several on one machine: Lambda itself keeps it from extensions.
PATH = posix.environ.get(b"_FAULTLAYER_ADDRESS", _DEFAULT)
COUNTS = PATH + b".max"  # the file of `targeting.limit_file`, beside it
_NONE: Mapping[str, str | None] = {}


def withdraw() -> None:
    """Remove the file, whoever wrote it; raises OSError if it cannot be removed."""
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


def _lines(variables: Mapping[str, str | None]) -> bytes:
    """The variables as lines, since a shell reads nothing else."""
    parts = []
    for name, text in variables.items():
        count = 0 if text is None else text.count("\n") + 1
        parts.append(f"{name} {count}\n" + ("" if text is None else text + "\n"))
    return "".join(parts).encode()


def publish(
    where: tuple[str, int] | None,
    variables: Mapping[str, str | None] = _NONE,
    told: int | None = None,
) -> None:
    """Write the file; raises OSError if that is impossible.

    `told`: the descriptor that is told once the variables are changed.
    """
    host = b"%b:%d" % (where[0].encode(), where[1]) if where else b"-"
    last = b"" if told is None else b" %d" % told
    data = b"%b %d %b%b\n%b" % (host, posix.getpid(), _born(), last, _lines(variables))
    fd = posix.open(PATH, posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_NOFOLLOW, 0o644)
    try:
        try:
            if posix.write(fd, data) < len(data):
                raise OSError(ENOSPC, posix.strerror(ENOSPC))
        finally:
            posix.close(fd)  # some file systems say here that there is no space
    except BaseException:
        withdraw()
        raise
