"""The way that reaches the function's connections, logged once; or the obstacle.

    faultlayer-start ── the program is static ──> proxy
    the shim ── hello ──────────────────────────> preload

A hello of a shell counts for nothing: it is a script's, and the script may start a static program.
That may have happened by the time the hello is heard, in the same process.
"""

from __future__ import annotations

import posix
from _socket import SOL_SOCKET
from _thread import allocate_lock

from faultlayer.dependencies.conditions import UNTOUCHED
from faultlayer.log import emit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket

# What faultlayer-start says (shim/protocol.md, message `W`).
PROXY, OWN_PROXY, UNSURE = 1, 2, 3

NOBODY = (
    "no process of the function has loaded the shim, so its connections are out of reach: it "
    "was started without the wrapper, drops LD_PRELOAD, or is a static program, which "
    "FAULTLAYER_REDIRECT=proxy reaches if it honours HTTPS_PROXY"
)
HAS_PROXY = (
    "the program is static or FAULTLAYER_REDIRECT is proxy, and its environment names a proxy "
    "already (HTTP_PROXY, HTTPS_PROXY or ALL_PROXY), which stays: its connections are out "
    "of reach"
)
UNTOUCHED_BY_PROXY = (
    "no request to these hosts came through the proxy while the function ran: it sent none, or by "
    "a client that does not honour HTTP_PROXY and HTTPS_PROXY"
)
_SO_PEERCRED = 17
_PATIENCE = 0.1  # seconds that the first invocation that is hit waits for the way
_PT_INTERP = b"\3\0\0\0"
_SHELLS = ("sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox")


class Ways:
    """Keep the way that reaches the function's connections.

    The loop's thread reports the way, and the threads of invocations read it.

    `wanted`: a rule of the start aims at connections, so the way is logged as soon as it is known.
    """

    __slots__ = ("_asked", "_heard", "_known", "_lock", "_logged", "_told", "wanted")

    def __init__(self, *, wanted: bool) -> None:
        self.wanted = wanted
        self._heard = False
        self._told = UNSURE
        self._logged = False
        self._asked = False
        self._lock = allocate_lock()
        self._known = allocate_lock()  # released once the way is known
        self._known.acquire()

    def hello(self, line: socket) -> None:
        """Note that a process on this line has loaded the shim."""
        if not self._heard and not _is_script(line):
            self._heard = True
            self._log()
            self._make_known()

    def told(self, way: int) -> None:
        """Note the way that `faultlayer-start` has reported."""
        self._told = way
        self._log()
        if way in (PROXY, OWN_PROXY):
            self._make_known()

    def _make_known(self) -> None:
        with self._lock:
            if self._known.locked():
                self._known.release()

    def unfit(self) -> str:
        """The reason that no connection can be disturbed; else empty."""
        self.wanted = True
        if not self._asked:  # a fast program's first event may be here before the loop has read it
            self._asked = True
            if self._known.acquire(timeout=_PATIENCE):
                self._make_known()  # for the next caller
        self._log()
        return self.why_closed

    @property
    def why_closed(self) -> str:
        """The reason that connections are out of reach; else empty."""
        if self._heard or self._told == PROXY:
            return ""
        return HAS_PROXY if self._told == OWN_PROXY else NOBODY

    @property
    def is_proxy(self) -> bool:
        """True if only connections through the proxy are known."""
        return self._told == PROXY

    def untouched(self) -> str:
        """The reason that a disturbance in force has touched no connection."""
        return UNTOUCHED_BY_PROXY if self._told == PROXY else UNTOUCHED

    def _log(self) -> None:
        way = "proxy" if self._told == PROXY else "preload" if self._heard else ""
        with self._lock:
            due = bool(way) and self.wanted and not self._logged
            self._logged = self._logged or due
        if due:
            emit("info", "connections_redirected", way=way)


def _is_script(line: socket) -> bool:
    """True if the other end is, or was, a shell (unix(7), proc(5))."""
    try:
        peer = line.getsockopt(SOL_SOCKET, _SO_PEERCRED, 12)
        program = f"/proc/{int.from_bytes(peer[:4], 'little')}/exe"
        if posix.readlink(program).rpartition("/")[2] in _SHELLS:
            return True
        fd = posix.open(program, posix.O_RDONLY | posix.O_CLOEXEC)
        try:
            return _is_static(posix.read(fd, 4096))
        finally:
            posix.close(fd)
    except OSError:
        return False


def _is_static(head: bytes) -> bool:
    """True if these first bytes are of a static 64-bit program (elf(5)).

    A static program loads no library, so it has no program header of type PT_INTERP.
    """
    start, size = int.from_bytes(head[32:40], "little"), int.from_bytes(head[54:56], "little")
    end = start + size * int.from_bytes(head[56:58], "little")
    if head[:5] != b"\x7fELF\2" or not size or end > len(head):
        return False
    return all(head[at : at + 4] != _PT_INTERP for at in range(start, end, size))
