"""A plan in a file of the function's package or of a layer."""

from __future__ import annotations

import posix

from faultlayer.settings.draft import MAX_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_FLAGS = posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK  # a FIFO must not block the start


class File:
    """A plan in a file: read when the environment starts, and again when the plan is old."""

    kind = "file"
    at_start = True
    before_events = True
    torn = True

    def __init__(self, path: str, environ: Mapping[str, str]) -> None:
        if not path.startswith("/"):
            raise ValueError("is not an absolute path")
        self._path = path

    def fetch(self) -> bytes:
        """The file's bytes, at most one more than a plan may have. Raises ValueError."""
        data = b""
        try:
            fd = posix.open(self._path, _FLAGS)
            try:
                while len(data) <= MAX_SIZE and (piece := posix.read(fd, MAX_SIZE + 1 - len(data))):
                    data += piece
            finally:
                posix.close(fd)
        except OSError as error:
            reason = posix.strerror(error.errno or 0)
            raise ValueError(f"is a file that cannot be read: {reason}") from None
        except ValueError:
            raise ValueError("is not a path that a file can have") from None
        return data


SOURCE = File
