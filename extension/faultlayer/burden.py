"""A process of our own that burdens the environment: it keeps a processor busy, or holds memory.

It ends when its standard input does, so with whoever has started it, and at a time of its own.
What runs in it must import little: its own start should not be the burden.
"""

from __future__ import annotations

import posix
import select
import sys
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_ROUNDS = 20_000  # of a loop, below a millisecond, between two looks at the other end
_STEP = 8 << 20  # bytes taken at once
_READY = 1  # where it is told how much is held
_CODE = "import sys;sys.path.insert(0,sys.argv[1]);from faultlayer.burden import main;main()"


class Burden:
    """One such process: `work` names what it does, `amount` says how much, for `seconds` at most.

    Raises OSError where it cannot be started.
    """

    __slots__ = ("_ours", "_pid", "_said")

    def __init__(self, work: str, amount: int, seconds: float) -> None:
        folder = __file__.rpartition("/")[0].rpartition("/")[0]
        arguments = ["python3", "-ISc", _CODE, folder, work, str(amount), f"{seconds:.3f}"]
        theirs, self._ours = posix.pipe2(posix.O_CLOEXEC)
        self._said, say = posix.pipe2(posix.O_CLOEXEC)
        try:
            self._pid = posix.posix_spawn(
                sys.executable,
                arguments,
                {},
                file_actions=[
                    (posix.POSIX_SPAWN_DUP2, theirs, 0),
                    (posix.POSIX_SPAWN_DUP2, say, _READY),
                    (posix.POSIX_SPAWN_OPEN, 2, "/dev/null", posix.O_WRONLY, 0),
                ],
            )
        except OSError:
            posix.close(self._ours)
            posix.close(self._said)
            raise
        finally:
            posix.close(theirs)
            posix.close(say)

    @property
    def pid(self) -> int:
        return self._pid

    def ready(self, seconds: float) -> int:
        """Wait until it has begun, at most this long; how much it has then, 0 where it ended."""
        poller = select.poll()
        poller.register(self._said, select.POLLIN)
        if not poller.poll(max(seconds, 0) * 1000):
            return 0
        return int(posix.read(self._said, 32) or b"0")

    def stop(self) -> None:
        """End it, and wait until it is gone."""
        posix.close(self._ours)
        posix.close(self._said)
        posix.kill(self._pid, 9)  # ours, and not waited for yet: no other process can have its id
        posix.waitpid(self._pid, 0)


class _Other:
    """The process that has started this one."""

    def __init__(self) -> None:
        self._poller = select.poll()
        self._poller.register(0, 0)  # it never writes: hanging up is all that may happen

    def gone(self, seconds: float = 0) -> bool:
        return bool(self._poller.poll(seconds * 1000))


def _busy(amount: int, until: float, other: _Other) -> None:
    posix.write(_READY, b"%d" % amount)
    while monotonic() < until and not other.gone():
        for _ in range(_ROUNDS):
            pass


def _full(amount: int, until: float, other: _Other) -> None:
    held, left = [], amount
    while left > 0 and monotonic() < until and not other.gone():
        try:
            held.append(b"\xff" * min(left, _STEP))  # zeros would be one page for all
        except MemoryError:
            break
        left -= _STEP
    posix.write(_READY, b"%d" % sum(map(len, held)))
    other.gone(max(until - monotonic(), 0))


def main() -> NoReturn:
    """Do what the arguments say."""
    work, amount, seconds = sys.argv[2:5]
    try:
        {"busy": _busy, "full": _full}[work](int(amount), monotonic() + float(seconds), _Other())
    finally:
        posix._exit(0)
