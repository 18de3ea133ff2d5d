"""A connection whose other side has shut its sending side alone: it still reads.

To this side it looks like a closed one. But both ends are on this machine, and the kernel's table
shows the other end's socket: `/proc/net/tcp`, or `tcp6` for programs that open sockets for both
(Java). One that is closed has no inode any more.
https://docs.kernel.org/networking/proc_net_tcp.html
Loaded only if a side has finished.
"""

from __future__ import annotations

import sys

from faultlayer.environment.read import parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket

_MAPPED = b"0000000000000000FFFF0000"  # ::ffff: as the table has it, before an IPv4 address
_INODE = 8  # its column, counted from the local address
_LONGEST = 400  # bytes of a line
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


def _entry(address: tuple[str, int]) -> bytes:
    """An IPv4 address and port as the table has them."""
    packed = bytes(map(int, address[0].split(".")))
    return b"%08X:%04X" % (int.from_bytes(packed, sys.byteorder), address[1])


def half_closed(socks: list[socket]) -> list[socket]:
    """Those of these connections whose other end a program still has, which will send no more."""
    wanted: dict[bytes, socket] = {}
    for sock in socks:
        try:
            ours, theirs = _entry(sock.getsockname()), _entry(sock.getpeername())
        except OSError:  # reset, or closed here
            continue
        wanted[theirs + b" " + ours] = sock
        wanted[_MAPPED + theirs + b" " + _MAPPED + ours] = sock
    found = []
    for table in _TABLES if wanted else ():
        for part in parts(table):
            found += [sock for ends, sock in wanted.items() if _is_held(part, ends)]
    return found


def _is_held(part: bytes, ends: bytes) -> bool:
    """True if a line of this part of a table is the socket with these ends, and has an inode."""
    at = part.find(b" " + ends)
    if at < 0:
        return False
    columns = part[at : at + _LONGEST].partition(b"\n")[0].split()
    return len(columns) > _INODE and columns[_INODE] != b"0"
