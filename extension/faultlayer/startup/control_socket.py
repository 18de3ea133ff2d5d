"""The socket that the shim in the function's processes asks: bound before the runtime starts.

Its name is in the abstract namespace (unix(7)), so no function can delete it, and random, since
several environments may share a machine. The wrapper passes it on, with the shim's path.
"""

from __future__ import annotations

import posix
from _socket import AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_SEQPACKET, socket

SHIM = "/opt/faultlayer/lib/libfaultlayer-shim.so"
_BACKLOG = 4096

Listener = socket


def listen() -> tuple[Listener, dict[str, str | None]]:
    """The listener, and the variables by which the wrapper loads the shim. Raises OSError."""
    posix.stat(SHIM)
    name = "faultlayer-" + posix.urandom(8).hex()
    listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK)
    try:
        listener.bind(b"\0" + name.encode())
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener, {"_FAULTLAYER_SHIM": name, "_FAULTLAYER_PRELOAD": SHIM}
