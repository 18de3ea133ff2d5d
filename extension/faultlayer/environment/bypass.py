"""A runtime that asks Lambda itself although faults are armed: noticed once it does.

Before that nobody can know: a wrapped package, an image's entrypoint or another wrapper may start
our wrapper, however long that takes. So /proc is looked at, ever more rarely, for a connection to
Lambda's Runtime API of a process with _HANDLER, which Lambda gives the runtime alone.
Loaded only if AWS_LAMBDA_EXEC_WRAPPER does not name our wrapper.
"""

from __future__ import annotations

import posix

from faultlayer.environment.read import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.startup.relay import Loop

_FIRST = 0.01  # seconds until the first look
_LONGER = 1.5  # times as long until each next one
_LAST = 60.0  # seconds; a runtime that has not asked by then is not looked for any more
_RUNTIMES_OWN = b"\0_HANDLER="
_ESTABLISHED = b"01"


def asks_directly(address: tuple[str, int]) -> bool:
    """True if a runtime has a connection to this address."""
    sockets = _connections(address)
    if not sockets:
        return False
    ours = str(posix.getpid())
    for name in posix.listdir("/proc"):
        if not name.isdigit() or name == ours:
            continue
        if _RUNTIMES_OWN in b"\0" + read(f"/proc/{name}/environ") and not sockets.isdisjoint(
            _links(f"/proc/{name}/fd")
        ):
            return True
    return False


def _connections(address: tuple[str, int]) -> set[str]:
    """The connections to this IPv4 address, as /proc/<pid>/fd names them."""
    # The kernel writes addresses as numbers of its own byte order, and those in IPv6 end alike.
    host = bytes(int(number) for number in address[0].split("."))
    remote = b"%b:%04X" % (host[::-1].hex().upper().encode(), address[1])
    found = set()
    for table in ("tcp", "tcp6"):
        for line in read(f"/proc/net/{table}").splitlines()[1:]:
            fields = line.split()
            if fields[2].endswith(remote) and fields[3] == _ESTABLISHED:
                found.add(f"socket:[{fields[9].decode()}]")
    return found


def _links(folder: str) -> list[str]:
    found = []
    try:
        for name in posix.listdir(folder):
            found.append(posix.readlink(f"{folder}/{name}"))
    except OSError:  # it has ended, or is another user's
        pass
    return found


class Lookout:
    """Calls `say` once a runtime asks at Lambda's address, unless `came` is true by then."""

    def __init__(
        self,
        loop: Loop,
        address: tuple[str, int],
        came: Callable[[], bool],
        say: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._address = address
        self._came = came
        self._say = say
        self._said = False
        self._wait = _FIRST
        loop.call_after(self._wait, self._look)

    def _look(self) -> None:
        if self._came():
            return
        try:
            if asks_directly(self._address):
                self.finish()
                return
        except (OSError, ValueError):  # /proc does not tell, or the address is a name
            return
        self._wait *= _LONGER
        if self._wait < _LAST:
            self._loop.call_after(self._wait, self._look)

    def finish(self) -> None:
        """Say it now, if it was not said: no runtime has come, or will."""
        if not self._said:
            self._said = True
            self._say()
