"""Bind the sockets that reach connections, before the runtime starts.

    the shim ──its questions──> control        a static program ──HTTP_PROXY──> proxy

The name of `control` is in the abstract namespace (unix(7)), so no function can delete it, and
random, since several environments may share a machine. `proxy` is on loopback, and answers those
alone that know its password, which the function's processes have in their environment. The wrapper
passes all of it on. With `preload` it loads the shim by itself. Else `faultlayer-start` decides: it
reads the ELF header of the function's program, which a shell cannot.
"""

from __future__ import annotations

import posix
from _socket import (
    AF_INET,
    AF_UNIX,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK,
    SOCK_SEQPACKET,
    SOCK_STREAM,
    socket,
)

SHIM = "/opt/faultlayer/lib/libfaultlayer-shim.so"
START = "/opt/faultlayer/bin/faultlayer-start"
PRELOAD = "preload"
# What the function's programs do not ask the proxy for: loopback, link-local, the Runtime API.
SPARED = "localhost,127.0.0.1,127.0.0.0/8,::1,169.254.0.0/16,fe80::/10"
_USER = "faultlayer"
_BACKLOG = 4096

Listener = socket


class Sockets:
    """The two listeners and the proxy's password.

    `proxy` is None if there is no proxy.
    """

    __slots__ = ("control", "password", "proxy")

    def __init__(self, control: Listener) -> None:
        self.control = control
        self.proxy: Listener | None = None
        self.password = ""

    def credentials(self) -> str:
        """The credentials of the proxy's clients: `user:password` (RFC 7617)."""
        return f"{_USER}:{self.password}"

    def close(self) -> None:
        """Close both: nobody answers."""
        self.control.close()
        if self.proxy is not None:
            self.proxy.close()


def listen(redirect: str) -> tuple[Sockets, dict[str, str | None]]:
    """Open the listeners; return them and the variables for the wrapper.

    `redirect`: preload, proxy or auto. Raises OSError.
    """
    posix.stat(SHIM)
    name = "faultlayer-" + posix.urandom(8).hex()
    sockets = Sockets(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK))
    try:
        sockets.control.bind(b"\0" + name.encode())
        sockets.control.listen(_BACKLOG)
        variables: dict[str, str | None] = {"_FAULTLAYER_SHIM": name}
        if redirect == PRELOAD:
            variables["_FAULTLAYER_PRELOAD"] = SHIM
        else:
            posix.stat(START)
            sockets.proxy = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK)
            variables["_FAULTLAYER_START"] = START
            variables["_FAULTLAYER_LIBRARY"] = SHIM
            variables["_FAULTLAYER_REDIRECT"] = redirect
            variables.update(_listen_as_proxy(sockets, sockets.proxy))
    except OSError:
        sockets.close()
        raise
    return sockets, variables


def _listen_as_proxy(sockets: Sockets, proxy: Listener) -> dict[str, str]:
    sockets.password = posix.urandom(12).hex()
    proxy.bind(("127.0.0.1", 0))
    proxy.listen(_BACKLOG)
    port = proxy.getsockname()[1]
    api = posix.environ.get(b"AWS_LAMBDA_RUNTIME_API", b"").decode("latin-1").rpartition(":")[0]
    spared = SPARED if not api or api.startswith("127.") else f"{SPARED},{api}"
    return {
        "_FAULTLAYER_PROXY": f"http://{sockets.credentials()}@127.0.0.1:{port}",
        "_FAULTLAYER_NO_PROXY": spared,
    }
