"""A runtime's way to Lambda, with a clock for its waits.

A request that Lambda answers at once counts as waiting, too: it takes no time that matters.
"""

from __future__ import annotations

from faultlayer.wire.upstream_side import UpstreamSide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from typing import Protocol

    from faultlayer.wire.pool import Pool
    from faultlayer.wire.runtime_side import RuntimeSide

    class Clock(Protocol):
        """Takes the begin and the end of each wait."""

        def waits(self) -> None: ...

        def goes_on(self) -> None: ...


class TimedUpstreamSide(UpstreamSide):
    """Tell the clock when the runtime begins and ends to wait."""

    __slots__ = ("_clock",)

    def __init__(
        self, runtime: RuntimeSide, pool: Pool, spare: socket | None, clock: Clock
    ) -> None:
        super().__init__(runtime, pool, spare)
        self._clock = clock

    def send_and_peek(self, request: bytes) -> bytes:
        self._clock.waits()
        try:
            return super().send_and_peek(request)
        finally:
            self._clock.goes_on()

    def wait_on(self, request: bytes) -> bytes:
        self._clock.waits()
        try:
            return super().wait_on(request)
        finally:
            self._clock.goes_on()
