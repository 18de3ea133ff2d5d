"""How often rules with a limit have hit, in a file that outlives this process.

    Limit ──save──> Count ──one write in place──> 4 KB: a head, then 16 bytes for each rule

Lambda starts this process again in the same environment after a crash or a timeout. A limit holds
for the environment, so its count is kept. An injection costs one write, on space that was taken at
the start, since a full /tmp is a fault of ours. A file that another user owns, or that cannot be
opened, is left alone: then counts are in memory, and begin anew with this process.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown
"""

from __future__ import annotations

import posix
from binascii import crc32

_HEAD = b"faultlayer max 1"
_SLOT = 16  # bytes: a digest of the rule, and how often it has hit
_HALF = _SLOT // 2
_SIZE = 4096
_FLAGS = posix.O_RDWR | posix.O_CREAT | posix.O_NOFOLLOW | posix.O_CLOEXEC | posix.O_NONBLOCK
_KIND, _REGULAR = 0o170000, 0o100000


class Count:
    """How often one rule has hit, as of the last `save`."""

    __slots__ = ("_at", "_counts", "used")

    def __init__(self, counts: Counts, at: int, used: int) -> None:
        self._counts = counts
        self._at = at
        self.used = used

    def save(self, used: int) -> None:
        self.used = used
        self._counts.write(self._at, used)


class Counts:
    """The file at this path. `of` finds a rule's count."""

    def __init__(self, path: bytes) -> None:
        self._data = bytearray()
        self._taken: dict[bytes, int] = {}  # the slots of the present rules
        self._fd = -1
        try:
            self._fd = posix.open(path, _FLAGS, 0o600)
            self._read()
        except OSError:
            pass
        if self._fd >= 0 and not self._data:
            posix.close(self._fd)

    def _read(self) -> None:
        """Read the file; keep nothing of it if it is not ours to write."""
        found = posix.fstat(self._fd)
        ours = found.st_uid == posix.geteuid() and found.st_nlink == 1
        if not ours or found.st_mode & _KIND != _REGULAR:
            return
        if found.st_size == 0 and not self._begin():
            return
        data = posix.pread(self._fd, _SIZE + 1, 0)
        if len(data) == _SIZE and data.startswith(_HEAD):
            self._data += data

    def _begin(self) -> bool:
        """Take the space; false if there is none."""
        try:
            if posix.pwrite(self._fd, _HEAD.ljust(_SIZE, b"\0"), 0) == _SIZE:
                return True
        except OSError:
            pass
        posix.ftruncate(self._fd, 0)
        return False

    def write(self, at: int, used: int) -> None:
        """Write a count in its slot; if that is impossible, it is right in memory alone."""
        count = used.to_bytes(_HALF, "little")
        self._data[at + _HALF : at + _SLOT] = count
        try:
            posix.pwrite(self._fd, self._data[at : at + _SLOT], at)
        except OSError:
            pass

    def of(self, key: tuple[str, ...]) -> Count | None:
        """The count of the rule with this key; None if no slot is free."""
        rule = _digest(key)
        places = range(_SLOT, len(self._data), _SLOT)
        for at in places:
            if self._data[at : at + _HALF] == rule:
                break
        else:
            taken = set(self._taken.values())
            free = (at for at in places if not (at in taken or self._used(at)))
            at = next(free, 0)
            if not at:
                return None
            self._data[at : at + _HALF] = rule
        self._taken[rule] = at
        return Count(self, at, self._used(at))

    def _used(self, at: int) -> int:
        return int.from_bytes(self._data[at + _HALF : at + _SLOT], "little")

    def forget(self, key: tuple[str, ...]) -> None:
        """Free the slot of a rule that no plan has any more."""
        at = self._taken.pop(_digest(key), None)
        if at is not None:
            self.write(at, 0)


def _digest(key: tuple[str, ...]) -> bytes:
    text = "\0".join(key).encode("utf-8", "surrogateescape")
    return crc32(text).to_bytes(4, "little") + crc32(text[::-1]).to_bytes(4, "little")
