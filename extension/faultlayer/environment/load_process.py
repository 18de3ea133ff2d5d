"""A process of our own that loads the environment: it keeps a core busy, or holds memory.

It ends when its standard input ends, so together with the process that started it, and at a time of
its own, which lines on its standard input may put off. It imports little: its own start should not
be the load.
"""

from __future__ import annotations

import posix
import select
import sys
from time import monotonic

from faultlayer.environment.read import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_ROUNDS = 20_000  # of a loop, below a millisecond, between two looks at the other end
_STEP = 8 << 20  # bytes taken at once
_READY = 1  # the descriptor on which it reports how much is held
_CODE = (
    "import sys;sys.path.insert(0,sys.argv[1]);"
    "from faultlayer.environment.load_process import main;main()"
)


class LoadProcess:
    """One such process: the kind of `work`, its `amount`, and its longest life in `seconds`.

    Raises OSError if it cannot be started.
    """

    __slots__ = ("_ours", "_pid", "_said")

    def __init__(self, work: str, amount: int, seconds: float) -> None:
        folder = __file__.rsplit("/", 3)[0]
        # By its own path: the interpreter finds the standard library by that of its name.
        arguments = [sys.executable, "-ISBc", _CODE, folder, work, str(amount), f"{seconds:.3f}"]
        pipes: list[int] = []
        try:
            for _ in range(2):
                pipes += posix.pipe2(posix.O_CLOEXEC)
            theirs, self._ours, self._said, say = pipes
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
        except BaseException:
            for fd in pipes:
                posix.close(fd)
            raise
        posix.close(theirs)
        posix.close(say)

    @property
    def pid(self) -> int:
        return self._pid

    def ready(self, seconds: float) -> int:
        """Wait until it has begun, at most this long; how much it has then.

        Raises ValueError if it has ended instead.
        """
        poller = select.poll()
        poller.register(self._said, select.POLLIN)
        if not poller.poll(max(seconds, 0) * 1000):
            return private(self._pid)
        said = posix.read(self._said, 32)
        if not said:
            raise ValueError("its process was ended before it had begun")
        return int(said)

    def extend(self, seconds: float) -> None:
        """Let it go on for so long from now, if that is longer than it would."""
        try:
            posix.write(self._ours, b"%f\n" % seconds)
        except OSError:  # it has ended
            pass

    def stop(self) -> None:
        """End it, and wait until it is gone."""
        posix.close(self._ours)
        posix.close(self._said)
        try:
            posix.kill(self._pid, 9)  # ours, not waited for yet: no other can have its number
            posix.waitpid(self._pid, 0)
        except (ProcessLookupError, ChildProcessError):  # SIGCHLD is ignored
            pass


def private(pid: int | str) -> int:
    """The memory that this process has to itself (bytes); 0 if it is gone, or not ours to see.

    https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html
    """
    numbers = read(f"/proc/{pid}/statm").split()
    return (int(numbers[1]) - int(numbers[2])) * posix.sysconf("SC_PAGE_SIZE") if numbers else 0


class _Life:
    """The life of this process: so many seconds, and no longer than its parent's."""

    def __init__(self, seconds: float) -> None:
        self._until = monotonic() + seconds
        self._poller = select.poll()
        self._poller.register(0, select.POLLIN)

    def over(self, *, wait: bool = False) -> bool:
        """True if its time is over; with `wait`, wait until it is."""
        while (seconds := self._until - monotonic()) > 0:
            if self._poller.poll(seconds * 1000 if wait else 0):
                said = posix.read(0, 4096).split()
                if not said:
                    return True
                self._until = max(self._until, monotonic() + max(map(float, said)))
            elif not wait:
                return False
        return True


def _busy(amount: int, life: _Life) -> None:
    posix.write(_READY, b"%d" % amount)
    while not life.over():
        for _ in range(_ROUNDS):
            pass


def _full(amount: int, life: _Life) -> None:
    """Hold this much memory, that of the interpreter included."""
    held, missing = [], amount - private("self")
    while missing > 0 and not life.over():
        try:
            held.append(b"\xff" * min(missing, _STEP))  # zeros would be one page for all
        except MemoryError:
            break
        missing -= _STEP
    posix.write(_READY, b"%d" % private("self"))
    life.over(wait=True)


def main() -> NoReturn:
    """Do the work that the arguments name."""
    work, amount, seconds = sys.argv[2:5]
    try:
        {"busy": _busy, "full": _full}[work](int(amount), _Life(float(seconds)))
    finally:
        posix._exit(0)
