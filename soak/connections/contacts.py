"""Each connection from its number alone: host, sizes and course.

Hosts are addresses of loopback, each with faults of its own, and one name. Contents are slices of
one text that does not repeat, begun elsewhere for each connection, turn and direction.
"""

from __future__ import annotations

import hashlib
import struct
from functools import lru_cache
from typing import Any

from soak.cases import filler

PER_INVOCATION = 48
NAME = "db.soak.test"
HOSTS = LATE, SLOW, CUT, CUT_AT_ONCE, REFUSED, SILENT, ALERTED, GARBLED, NAMED = tuple(
    f"127.0.77.{number}" for number in range(1, 10)
)
CUT_AT = 3000  # bytes of an answer
SLOWED = 512 << 10  # bytes a second
WHOLE, HALF, TWICE = 0, 1, 2
HELLO = b"\x16\x03\x01\x02\x00\x01"  # how a TLS handshake begins
HEAD = struct.Struct(">QIIB")
_SMALL = (SLOW, ALERTED, GARBLED)
_SIZES = ((0.75, 1, 2 << 10), (0.95, 2 << 10, 16 << 10), (0.998, 16 << 10, 200 << 10))
_LARGEST = 3_000_000

RULES: list[dict[str, Any]] = [
    {"fault": "dns", "error": "nxdomain", "hosts": NAME, "rate": 0.1},
    {"fault": "connect", "how": "refuse", "hosts": REFUSED, "rate": 0.3},
    {"fault": "connect", "how": "blackhole", "hosts": SILENT, "rate": 0.1},
    {"fault": "network", "delay": "5ms..40ms", "hosts": f"{LATE},{NAME}", "rate": 0.2},
    {"fault": "network", "delay": "30ms", "hosts": LATE, "rate": 0.2},
    {"fault": "bandwidth", "per_second": "512KB", "hosts": SLOW, "rate": 0.2},
    {"fault": "reset", "after": 0, "hosts": CUT_AT_ONCE, "rate": 0.2},
    {"fault": "reset", "after": CUT_AT, "hosts": CUT, "rate": 0.3},
    {"fault": "tls", "how": "handshake", "hosts": ALERTED, "rate": 0.2},
    {"fault": "tls", "how": "garbage", "hosts": GARBLED, "rate": 0.2},
]


class Contact:
    """One connection.

    `turns`: the number of its questions and answers.
    """

    __slots__ = ("answer", "asked", "host", "kind", "number", "turns")

    def __init__(self, number: int) -> None:
        digest = hashlib.sha256(b"contact %d" % number).digest()
        chances = [int.from_bytes(digest[at : at + 4], "big") / (1 << 32) for at in range(0, 24, 4)]
        place = number % PER_INVOCATION  # each invocation meets each host
        self.number = number
        self.host = HOSTS[place % len(HOSTS)]
        small = self.host in _SMALL
        self.asked = _size(chances[0], chances[1], small=small)
        self.answer = _size(chances[2], chances[3], small=small)
        if self.host == CUT and place < len(HOSTS):
            self.answer += CUT_AT  # so that a reset that is due happens at least once
        self.kind = WHOLE if chances[4] < 0.5 else HALF if chances[4] < 0.8 else TWICE
        self.turns = 2 if self.kind == TWICE else 1

    @property
    def begin(self) -> bytes:
        """The client's first bytes, before the head."""
        return HELLO if self.host in (ALERTED, GARBLED) else b""

    def head(self) -> bytes:
        return HEAD.pack(self.number, self.asked, self.answer, self.kind)

    def request(self, turn: int) -> bytes:
        return filler(self.number * 4 + turn * 2, self.asked)

    def response(self, turn: int) -> bytes:
        return filler(self.number * 4 + turn * 2 + 1, self.answer)


def _size(chance: float, within: float, *, small: bool) -> int:
    if small:
        return 1 + int(within * 4000)
    for most, low, high in _SIZES:
        if chance < most:
            return low + int(within * (high - low))
    return _SIZES[-1][2] + int(within * (_LARGEST - _SIZES[-1][2]))


@lru_cache(maxsize=4096)
def contact(number: int) -> Contact:
    return Contact(number)


def of_invocation(number: int) -> range:
    """The numbers of an invocation's connections."""
    return range(number * PER_INVOCATION, (number + 1) * PER_INVOCATION)
