"""The runtime's processes, as /proc shows them: found by the address that they were given.

It promises that nothing is done to any but the runtime and its children. They are those that have
our proxy's address in their environment, share our network, and were started after this process;
and a process file descriptor makes sure that what was looked at is what gets the signal, whatever
happens to its number meanwhile. https://man7.org/linux/man-pages/man2/pidfd_open.2.html
"""

from __future__ import annotations

import posix
from _signal import SIGKILL, pidfd_send_signal  # type: ignore[import-not-found]

from faultlayer.aim import mention

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.aim import Hit

_MARK = b"AWS_LAMBDA_RUNTIME_API="
_PARENT, _BORN = 1, 19  # fields of /proc/<pid>/stat, counted after the program's name: proc(5)
_ROUNDS = 8  # how often is looked for children that were born meanwhile
_FIRST = b"1000"  # of all processes these are the first to be ended where memory is short


def _read(path: str) -> bytes:
    """A file's bytes; none where it, or its process, is gone or not ours to see."""
    parts = []
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
        try:
            while part := posix.read(fd, 65536):
                parts.append(part)
        finally:
            posix.close(fd)
    except OSError:
        pass
    return b"".join(parts)


def _stat(pid: int | str) -> list[bytes]:
    return _read(f"/proc/{pid}/stat").rpartition(b") ")[2].split()


class Runtime:
    """The runtime that was told this address (host:port) of the Runtime API, and its children."""

    def __init__(self, address: bytes) -> None:
        self._entry = b"\0%b%b\0" % (_MARK, address)
        self._since = int(_stat("self")[_BORN])
        self._network = posix.readlink("/proc/self/ns/net")

    def _parent(self, pid: int) -> int | None:
        """Its parent's id; None where the process is none of these."""
        if self._entry not in b"\0" + _read(f"/proc/{pid}/environ"):
            return None
        try:
            if posix.readlink(f"/proc/{pid}/ns/net") != self._network:
                return None
        except OSError:
            return None
        fields = _stat(pid)
        ours = len(fields) > _BORN and int(fields[_BORN]) >= self._since
        return int(fields[_PARENT]) if ours else None

    def find(self) -> list[int]:
        """The ids of these processes, the runtime itself before its children."""
        parents: dict[int, int] = {}
        for name in posix.listdir("/proc"):
            if name.isdigit() and int(name) != posix.getpid():
                parent = self._parent(int(name))
                if parent is not None:
                    parents[int(name)] = parent
        return sorted(parents, key=lambda pid: (parents[pid] in parents, pid))

    def _open(self, pid: int) -> int | None:
        """A descriptor of this process, if it is one of these."""
        try:
            fd = posix.pidfd_open(pid)
        except ProcessLookupError:
            return None
        if self._parent(pid) is not None:
            return fd
        posix.close(fd)
        return None

    def kill(self) -> int:
        """Kill them all, at once; how many there were. Raises OSError where that is not allowed."""
        killed: set[int] = set()
        for _ in range(_ROUNDS):
            found = self.find()
            for pid in found:
                fd = self._open(pid)
                if fd is None:
                    continue
                try:
                    pidfd_send_signal(fd, SIGKILL)
                    killed.add(pid)
                except ProcessLookupError:
                    pass
                finally:
                    posix.close(fd)
            if killed.issuperset(found):
                break
        return len(killed)

    def sacrifice(self) -> dict[int, bytes]:
        """Make them the first that the kernel ends where memory is short; what they were before."""
        before = {}
        for pid in self.find():
            path = f"/proc/{pid}/oom_score_adj"
            score = _read(path).strip()
            if score not in (b"", _FIRST) and _write(path, _FIRST):
                before[pid] = score
        return before

    def spare(self, before: dict[int, bytes]) -> None:
        """Undo that."""
        for pid, score in before.items():
            if self._parent(pid) is not None:
                _write(f"/proc/{pid}/oom_score_adj", score)


def crash(hit: Hit, address: bytes, request_id: str) -> bool:
    """Kill the runtime that was told this address; false where that cannot be, which is said."""
    try:
        runtime = Runtime(address)
        if runtime.find():
            hit.log(request_id)
            runtime.kill()
            return True
        why = "no process was found that has the proxy's address in its environment"
    except OSError as error:
        why = f"the runtime cannot be killed: {posix.strerror(error.errno or 0)}"
    hit.rule.give_back()
    mention(hit.rule, why, request_id)
    return False


def _write(path: str, text: bytes) -> bool:
    try:
        fd = posix.open(path, posix.O_WRONLY | posix.O_CLOEXEC)
        try:
            posix.write(fd, text)
        finally:
            posix.close(fd)
    except OSError:
        return False
    return True
