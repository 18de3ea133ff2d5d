"""Disk space of /tmp, held by one file without a name.

The function gets a real ENOSPC. The file is gone when it is closed, however this process ends, so
nothing can stay behind. The space is allocated, not written.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-ephemeral-storage.html
"""

from __future__ import annotations

import posix
from errno import ENOSPC

from faultlayer.environment.holdings import SPACE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.environment.holdings import Holder, Taken
    from faultlayer.vocabulary.actions import Space

_MOST = 10 << 30  # bytes: the largest /tmp that Lambda gives
_FOLDER = "/tmp"
_NAME = "/.faultlayer-disk-"
_BLOCK = 512  # bytes, of st_blocks
_ATTEMPTS = 16


def _free(fd: int) -> int:
    """The bytes that are free in this file's file system, for the user that this process is."""
    found = posix.fstatvfs(fd)
    return found.f_frsize * (found.f_bavail if posix.geteuid() else found.f_bfree)


def _nameless() -> int:
    """Open a file without a name; return its descriptor."""
    flags = posix.O_RDWR | posix.O_CLOEXEC
    try:
        return posix.open(_FOLDER, flags | posix.O_TMPFILE, 0o600)
    except OSError:  # not every file system can do that
        path = _FOLDER + _NAME + posix.urandom(8).hex()
        fd = posix.open(path, flags | posix.O_CREAT | posix.O_EXCL | posix.O_NOFOLLOW, 0o600)
        try:
            posix.unlink(path)
        except OSError:
            posix.close(fd)
            raise
        return fd


def _fill(fd: int, want: int) -> int:
    """Allocate this many bytes, or as many as there are; return how many."""
    taken = 0
    for _ in range(_ATTEMPTS):  # others write meanwhile, and file systems keep some for themselves
        size = min(want, taken + _free(fd))
        if size <= taken:
            break
        try:
            posix.posix_fallocate(fd, 0, size)
            return size
        except OSError as error:
            if error.errno != ENOSPC:
                raise
            taken = posix.fstat(fd).st_blocks * _BLOCK
            want = size - max((size - taken) // 16, 4096)
    return taken


def _filled(request: Space) -> tuple[int, int]:
    """A file of this size, or until so much is free: 0 bytes if less is free."""
    fd = _nameless()
    try:
        want = _free(fd) - request.size if request.leave_free else request.size
        if want > _MOST:
            raise ValueError(
                f"more than {_MOST >> 30} GB would have to be filled: this is not Lambda's /tmp"
            )
        return fd, _fill(fd, max(want, 0))
    except BaseException:
        posix.close(fd)
        raise


def take(request: Space, holder: Holder) -> Taken:
    """Take the space; with `leave_free`, holdings of other invocations count, too."""
    with SPACE.alone:
        files, shared = SPACE.join() if request.leave_free else ([], 0)
        try:
            fd, held = _filled(request)
            SPACE.add(fd, held)
            files.append(fd)
            if not held + shared:
                raise ValueError("/tmp has no more than that free already")
        except BaseException:
            SPACE.leave(files)
            raise
    return lambda: SPACE.leave(files), {"held": held + shared}
