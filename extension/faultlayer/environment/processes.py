"""The runtime's processes, as /proc shows them: found by the address that they were given.

Only the runtime and its children are touched: processes that have the proxy's address in their
environment, share our network, were started after this process, and were not started by one that
was given another proxy's address. In that case the runtime is behind the other proxy. If the Lambda
Web Adapter asks in the place of a runtime, the web application was given Lambda's own address, as
extensions are; _HANDLER, which Lambda gives the runtime alone, tells it apart. A process
file descriptor makes sure that the process which was looked at gets the signal, even if its number
is given to another one meanwhile. https://man7.org/linux/man-pages/man2/pidfd_open.2.html
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html#runtimes-extensions-api-env
"""

from __future__ import annotations

import posix
from _signal import SIGKILL, SIGSTOP, pidfd_send_signal  # type: ignore[import-not-found]
from errno import ENOENT

from faultlayer.environment.read import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    Process = tuple[int, int]  # its id, and when it was started

_MARK = b"AWS_LAMBDA_RUNTIME_API="
_ADAPTER_MARK = b"AWS_LWA_LAMBDA_RUNTIME_API_PROXY"
_RUNTIMES_OWN = b"\0_HANDLER="
_EXTENSIONS = b"/opt/extensions/"
_PARENT, _BORN = 1, 19  # fields of /proc/<pid>/stat, counted after the program's name: proc(5)
_ROUNDS = 8  # how often is looked for children that were born meanwhile
_FIRST = b"1000"  # the kernel ends these processes first if memory runs short


def _stat(pid: int | str) -> list[bytes]:
    return read(f"/proc/{pid}/stat").rpartition(b") ")[2].split()


def _close_all(held: dict[Process, int]) -> None:
    for fd in held.values():
        posix.close(fd)


class Stopped:
    """Processes that do nothing any more, nor end by themselves: they are there to be killed."""

    def __init__(self, held: dict[Process, int]) -> None:
        self._held = held

    def __bool__(self) -> bool:
        return bool(self._held)

    def kill(self) -> int:
        """Kill them; return how many. Raises OSError if that is refused.

        The runtime itself goes last: with it Lambda ends this process, and then nobody would be
        left to kill its children.
        """
        killed = 0
        try:
            for fd in reversed(self._held.values()):
                try:
                    pidfd_send_signal(fd, SIGKILL)
                    killed += 1
                except ProcessLookupError:
                    pass
        finally:
            _close_all(self._held)
        return killed


def _adapter_comes(address: bytes) -> bool:
    """True if the Lambda Web Adapter is told to ask at this address."""
    told = posix.environ.get(_ADAPTER_MARK)
    if not told:
        return False
    from faultlayer.startup.web_adapter import names

    return names(told.decode("latin-1"), int(address.rpartition(b":")[2]))


class Runtime:
    """The runtime that was told this address (host:port) of the Runtime API, and its children.

    Raises OSError if /proc does not tell.
    """

    def __init__(self, address: bytes) -> None:
        self._entry = b"\0%b%b\0" % (_MARK, address)
        lambdas = posix.environ.get(_MARK[:-1])
        self._known = (address, lambdas)  # ours, and Lambda's
        self._app = b""  # what a web application has that no wrapper has sent to us
        if lambdas and _adapter_comes(address):
            self._app = b"\0%b%b\0" % (_MARK, lambdas)
        self._network = posix.readlink("/proc/self/ns/net")
        fields = _stat("self")
        if len(fields) <= _BORN:
            raise FileNotFoundError(ENOENT, "/proc")
        self._since = int(fields[_BORN])

    def _look(self, pid: int) -> tuple[int, int] | None:
        """Its parent's id and its start time; None if the process is none of these."""
        environ = b"\0" + read(f"/proc/{pid}/environ")
        if self._entry not in environ and not self._is_app(pid, environ):
            return None
        try:
            if posix.readlink(f"/proc/{pid}/ns/net") != self._network:
                return None
        except OSError:
            return None
        fields = _stat(pid)
        ours = len(fields) > _BORN and int(fields[_BORN]) >= self._since
        return (int(fields[_PARENT]), int(fields[_BORN])) if ours else None

    def _is_app(self, pid: int, environ: bytes) -> bool:
        """True if it is the web application that the Lambda Web Adapter asks for, or its child."""
        if not self._app or self._app not in environ or _RUNTIMES_OWN not in environ:
            return False
        try:
            return not posix.readlink(f"/proc/{pid}/exe".encode()).startswith(_EXTENSIONS)
        except OSError:
            return False

    def _all(self) -> list[Process]:
        """These processes, the runtime itself before its children."""
        found: dict[int, tuple[int, int]] = {}
        for name in posix.listdir("/proc"):
            if name.isdigit() and int(name) != posix.getpid():
                seen = self._look(int(name))
                if seen is not None:
                    found[int(name)] = seen
        for pid in [pid for pid in found if self._behind_another(pid, found)]:
            del found[pid]
        in_order = sorted(found, key=lambda pid: (found[pid][0] in found, pid))
        return [(pid, found[pid][1]) for pid in in_order]

    def _behind_another(self, pid: int, found: dict[int, tuple[int, int]]) -> bool:
        """True if its parent, or an ancestor that is found, was given another address.

        Such as a proxy that another wrapper starts between us and the later runtime.
        """
        for _ in found:
            pid = found[pid][0]
            if pid not in found:
                break
        fields = _stat(pid)
        if len(fields) <= _BORN or int(fields[_BORN]) < self._since:
            return False
        entries = read(f"/proc/{pid}/environ").split(b"\0")
        told = [entry.removeprefix(_MARK) for entry in entries if entry.startswith(_MARK)]
        return bool(told) and told[0] not in self._known

    def find(self) -> list[int]:
        """The ids of these processes, the runtime itself before its children."""
        return [pid for pid, _ in self._all()]

    def _hold(self, pid: int, number: int) -> int | None:
        """A descriptor of this process, which has got the signal; None if it is none of these.

        Raises OSError if that is refused.
        """
        try:
            fd = posix.pidfd_open(pid)
        except ProcessLookupError:
            return None
        try:
            # From here on the number may become anybody's: the descriptor does not.
            if self._look(pid) is not None:
                pidfd_send_signal(fd, number)
                return fd
        except ProcessLookupError:
            pass
        except BaseException:
            posix.close(fd)
            raise
        posix.close(fd)
        return None

    def _hold_all(self, held: dict[Process, int], number: int) -> bool:
        """Add the descriptors of those that get the signal now; whether there are any.

        Raises OSError if it is refused for all of them.
        """
        new: dict[Process, int] = {}
        refused: OSError | None = None
        for process in self._all():
            try:
                fd = None if process in held else self._hold(process[0], number)
                if fd is not None:
                    new[process] = fd
            except OSError as error:
                refused = error
        held.update(new)
        if refused is not None and not held:
            raise refused
        return bool(new)

    def stop(self) -> Stopped:
        """Stop them all, those too that are born meanwhile. Raises OSError if that is refused."""
        held: dict[Process, int] = {}
        try:
            for _ in range(_ROUNDS):
                if not self._hold_all(held, SIGSTOP):
                    break
        except OSError:
            if not held:
                raise
        return Stopped(held)

    def kill(self) -> int:
        """Kill them all, at once; return how many. Raises OSError if that is not allowed."""
        return self.stop().kill()

    def _rank(self, pid: int, score: bytes) -> bytes:
        """Set its out-of-memory score; return the score before, empty if it was not changed."""
        try:
            fd = posix.open(f"/proc/{pid}/oom_score_adj", posix.O_RDWR | posix.O_CLOEXEC)
        except OSError:
            return b""
        try:
            # The descriptor stays this process's, even if another process gets the number.
            before = posix.read(fd, 16).strip() if self._look(pid) else b""
            if before not in (b"", score):
                posix.pwrite(fd, score, 0)
                return before
        except OSError:
            pass
        finally:
            posix.close(fd)
        return b""

    def sacrifice(self) -> dict[int, bytes]:
        """Make the kernel end them first if memory runs short; return their scores before."""
        before = {pid: self._rank(pid, _FIRST) for pid in self.find()}
        return {pid: score for pid, score in before.items() if score}

    def spare(self, before: dict[int, bytes]) -> None:
        """Undo that, also in children born since, which have it from their parents."""
        known = dict(before)
        for pid in self.find():
            seen = self._look(pid)
            inherited = known.get(seen[0], b"") if seen else b""
            if pid not in known and read(f"/proc/{pid}/oom_score_adj").strip() == _FIRST:
                known[pid] = inherited
            if known.get(pid):
                self._rank(pid, known[pid])
