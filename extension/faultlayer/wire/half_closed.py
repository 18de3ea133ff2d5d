"""A connection whose other side has shut its sending side alone: it still reads.

To this side it looks like a closed one. But both ends are on this machine, and the kernel's table
shows the other end's socket: `/proc/net/tcp`, or `tcp6` for programs that open sockets for both
(Java). One that is closed has no inode any more.
https://docs.kernel.org/networking/proc_net_tcp.html
Loaded only if a side has finished.
"""

from __future__ import annotations

import sys

from faultlayer.environment.read import lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket

_MAPPED = b"0000000000000000FFFF0000"  # ::ffff: as the table has it, before an IPv4 address
_LOCAL, _REMOTE, _INODE = 1, 2, 9  # columns of the table
_TABLES = (("/proc/net/tcp", b""), ("/proc/net/tcp6", _MAPPED))


def _entry(address: tuple[str, int]) -> bytes:
    """An IPv4 address and port as the table has them."""
    packed = bytes(map(int, address[0].split(".")))
    return b"%08X:%04X" % (int.from_bytes(packed, sys.byteorder), address[1])


def is_half_closed(sock: socket) -> bool:
    """True if a program still has the other end of this connection, which will send no more."""
    try:
        ours, theirs = _entry(sock.getsockname()), _entry(sock.getpeername())
    except OSError:  # reset, or closed here
        return False
    for table, prefix in _TABLES:
        ends = prefix + theirs, prefix + ours
        for line in lines(table):
            if theirs in line:
                columns = line.split()
                if (columns[_LOCAL], columns[_REMOTE]) == ends and columns[_INODE] != b"0":
                    return True
    return False
