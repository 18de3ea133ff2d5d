"""Loopback ports for what we start: no two of us get the same, and no outgoing connection does."""

from __future__ import annotations

import contextlib
import random
import socket

LOOPBACK = "127.0.0.1"
_RANGE = (15000, 32000)  # Linux gives 32768 and above to outgoing connections


class Port:
    """A free port (`number`), ours until it is closed.

    Who starts a program can only name it a port, and the program binds it later. Until then, and as
    long as it runs, we hold the UDP port of the same number: nobody uses that, and whoever else
    chooses a port in this way sees it taken.
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
        """Let others have it."""
        self._held.close()


def free_port() -> int:
    """A port that is free now, for whoever binds it at once."""
    with contextlib.closing(Port()) as port:
        return port.number


def is_free(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
