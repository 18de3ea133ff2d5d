"""Free loopback ports for programs that we start, which nobody else gets meanwhile."""

from __future__ import annotations

import contextlib
import random
import socket

LOOPBACK = "127.0.0.1"
_RANGE = (15000, 32000)  # Linux gives 32768 and above to outgoing connections


class Port:
    """A free port (`number`), ours until it is closed.

    A program that is started binds its port later. Until then, and as long as the program runs, we
    hold the UDP port of the same number: nobody uses that one, and other runs of this command see
    it taken.
    """

    def __init__(self) -> None:
        while True:
            self.number = random.randrange(*_RANGE)
            self._held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            with contextlib.suppress(OSError):
                self._held.bind((LOOPBACK, self.number))
                if is_free(self.number):
                    return
            self._held.close()

    def close(self) -> None:
        """Let others have the port."""
        self._held.close()


def free_port() -> int:
    """A port that is free now, for a caller that binds it at once."""
    with contextlib.closing(Port()) as port:
        return port.number


def is_free(port: int) -> bool:
    """True if nobody listens on this port."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
