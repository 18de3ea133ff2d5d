"""Disturbances of the function's outgoing connections, as data.

    Disturb(disturbance, hosts) ── `dependencies` ──> the lookup, the connection, the bytes

A disturbance has no effect of its own.
"""

from __future__ import annotations


class Disturbance:
    """Base of all."""

    __slots__ = ()


class Unresolved(Disturbance):
    """Names do not resolve: `error` is nxdomain, servfail or timeout."""

    __slots__ = ("error",)

    def __init__(self, error: str) -> None:
        self.error = error


class Unreachable(Disturbance):
    """New connections are refused; or, if `silent`, nobody answers them."""

    __slots__ = ("silent",)

    def __init__(self, *, silent: bool) -> None:
        self.silent = silent


class Late(Disturbance):
    """Each answer arrives `seconds` later."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Slow(Disturbance):
    """No more than `rate` bytes a second pass in each direction, all connections together."""

    __slots__ = ("rate",)

    def __init__(self, rate: int) -> None:
        self.rate = rate


class Cut(Disturbance):
    """The connection is reset after `size` bytes of the answer."""

    __slots__ = ("size",)

    def __init__(self, size: int) -> None:
        self.size = size


class BadHandshake(Disturbance):
    """The TLS handshake fails with an alert; or, if `garbage`, the answer is no TLS."""

    __slots__ = ("garbage",)

    def __init__(self, *, garbage: bool) -> None:
        self.garbage = garbage
