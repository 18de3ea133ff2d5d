"""DISK: `/tmp` is filled by a size, or until so much is free, while the invocation lasts.

The space is taken by one file without a name, so the function gets a real ENOSPC, and nothing can
stay behind: it is gone when it is closed, however this process ends. It is allocated, not written.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-ephemeral-storage.html
"""

from __future__ import annotations

import posix
from errno import ENOSPC

from faultlayer.values.sizes import Amount
from faultlayer.vocabulary.actions import Action, Hold
from faultlayer.vocabulary.registry import Equivalent, Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from faultlayer.vocabulary.actions import Sandbox
    from faultlayer.vocabulary.invocation import Invocation

_MOST = 10 << 30  # bytes: the largest /tmp that Lambda gives
_FOLDER = "/tmp"
_NAME = "/.faultlayer-disk-"
_BLOCK = 512  # bytes, of st_blocks
_ATTEMPTS = 16


def _free(fd: int) -> int:
    """How many bytes are free where this file is, for whoever we are."""
    found = posix.fstatvfs(fd)
    return found.f_frsize * (found.f_bavail if posix.geteuid() else found.f_bfree)


def _nameless() -> int:
    """A file without a name."""
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
    """Allocate this much, or what can be had where that is less; how much that is."""
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


def _take(free: bool, size: int) -> tuple[int, int]:
    """A file that fills so much, or fills until so much is free: 0 bytes where less is free."""
    fd = _nameless()
    try:
        want = _free(fd) - size if free else size
        if want > _MOST:
            raise ValueError(f"more than {_MOST >> 30} GB would have to be filled: this is no /tmp")
        return fd, _fill(fd, max(want, 0))
    except BaseException:
        posix.close(fd)
        raise


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    free, size = options.amount

    def take(sandbox: Sandbox) -> tuple[Callable[[], None], dict[str, Any]]:
        from faultlayer.environment.holdings import SPACE

        with SPACE.alone:
            files, shared = SPACE.join() if free else ([], 0)
            try:
                fd, held = _take(free, size)
                SPACE.add(fd, held)
                files.append(fd)
                if not held + shared:
                    raise ValueError("/tmp has no more than that free already")
            except BaseException:
                SPACE.leave(files)
                raise
        return lambda: SPACE.leave(files), {"held": held + shared}

    return Hold(take, **{"left" if free else "size": size})


def _megabytes(given: dict[str, Any]) -> dict[str, Any]:
    return {"amount": f"{given.get('disk_space', 100)}MB"}


FAULT = Fault(
    __name__,
    order=30,
    help="`/tmp` is filled by, or down to, this much for the invocation",
    main=Option("amount", Amount(_MOST), "how much is taken, or left"),
    equivalents=(
        Equivalent(
            "diskspace", {"disk_space": ("amount", "megabytes from 1 to 10240")}, _megabytes
        ),
    ),
    decide=decide,
)
