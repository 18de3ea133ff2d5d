"""Log one JSON line on standard output per log event, at once.

- It never logs event bodies, environment values or credentials: callers pass names, numbers and
  fixed sentences.
- It never raises. A line that cannot be made or written is lost: the invocation matters more.
- It never waits once `never_wait` was called: if standard output is full, since its reader is slow
  or has stopped, the line is lost and counted, and the next line that can be written is preceded by
  one that says how many were lost.
- It never leaves a part of a line: what does not fit is lost as a whole.
- It never writes to descriptor 1 if that is not standard output.
"""

from __future__ import annotations

from _thread import allocate_lock
from posix import O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_WRONLY, environ, fstat, open, write

from faultlayer.jsontext import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_LEVELS = {"trace": 0, "debug": 1, "info": 2, "warn": 3, "error": 4, "fatal": 5}
_lowest = _LEVELS.get(environ.get(b"AWS_LAMBDA_LOG_LEVEL", b"info").decode("latin-1").lower(), 2)
_metrics: Callable[[str, Mapping[str, Any]], str] | None = None
_KIND, _PIPE, _SOCKET, _CHARACTER = 0o170000, 0o010000, 0o140000, 0o020000
_AT_ONCE = 4096  # bytes that a pipe takes as a whole or not at all: PIPE_BUF
_FIONREAD = 0x541B  # asks how many bytes a pipe holds
_PATIENCE = 100  # times a millisecond that a longer line waits for a pipe to be empty


def _kind() -> int:
    """The kind of file that standard output is; 0: none. A socket will soon have its number."""
    try:
        return fstat(1).st_mode & _KIND
    except OSError:
        return 0


_heard = _kind() != 0
_lock = allocate_lock()
_fd = 1
_lost = 0  # lines that could not be written since the last one that could
_rest = b""  # of a line of which a part was written


def _to_file(data: bytes) -> int:
    return write(_fd, data)


_write: Callable[[bytes], int] = _to_file  # returns how many bytes were taken


def never_wait() -> None:
    """Write without waiting from now on, whatever standard output is.

    O_NONBLOCK is a mark of the open file, which others may share: the runtime, or the terminal's
    shell, would get errors that they do not expect. So pipes and terminals are opened once more, by
    their name in /proc, and the mark is on this file alone. A pipe of another user cannot be
    opened, so it is asked first if it takes a line. A socket is told with each line not to wait.
    Regular files never wait.
    """
    global _fd, _write
    if not _heard:
        return
    kind = _kind()
    if kind == _SOCKET:
        from _socket import MSG_DONTWAIT, socket  # noqa: TID251 - never closed, and rare

        send = socket(fileno=1).send

        def to_socket(data: bytes) -> int:
            return send(data, MSG_DONTWAIT)

        _write = to_socket
    elif kind in (_PIPE, _CHARACTER):
        try:
            _fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        except OSError:
            import select

            poller = select.poll()
            poller.register(1, select.POLLOUT)

            def if_ready(data: bytes) -> int:
                return write(1, data) if poller.poll(0) else 0

            _write = if_ready


def _fits(size: int) -> bool:
    """True if standard output takes so many bytes as a whole.

    A pipe holds pages, any of which may have room that is not used, so only an empty one is sure
    to take more than one page. A reader that works empties it soon.
    """
    if size <= _AT_ONCE or _kind() != _PIPE:
        return True
    from fcntl import F_GETPIPE_SZ, fcntl, ioctl
    from time import sleep

    waiting = bytearray(4)
    for _ in range(1 if _lost else _PATIENCE):
        ioctl(_fd, _FIONREAD, waiting)
        if not any(waiting):
            return size <= fcntl(_fd, F_GETPIPE_SZ)
        sleep(0.001)
    return False


def _put(data: bytes) -> int:
    """How much of this was taken: all, nothing, or rarely a part."""
    try:
        return _write(data)
    except OSError:  # it is full, there is no space, or nobody reads
        return 0


def _send(line: bytes = b"") -> None:
    """Write a line, after all that is still to be said of the ones before; or count it as lost.

    The two are written at once: where one has no room, a short one may have, and the next one not.
    """
    global _lost, _rest
    with _lock:
        if _rest:
            _rest = _rest[_put(_rest) :]
        if _lost:
            said = b'{"source":"faultlayer","level":"warn","event":"lines_lost","lines":%d}\n'
            whole = said % _lost + line
        else:
            whole = line
        taken = 0 if _rest or not _fits(len(whole)) else _put(whole)
        if taken:
            _lost, _rest = 0, whole[taken:]
        elif line:
            _lost += 1


def finish() -> None:
    """Say how many lines were lost, if that was not possible yet: the process ends."""
    if _lost or _rest:
        _send()


def _json(value: Any) -> str:
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{','.join(map(_json, value))}]"
    return "null" if value is None else str(value)


def embed(metrics: Callable[[str, Mapping[str, Any]], str]) -> None:
    """Add members to log lines from now on: those that `metrics` gives for a line."""
    global _metrics
    _metrics = metrics


def emit(level: str, event: str, **fields: Any) -> None:
    """Write one line, unless AWS_LAMBDA_LOG_LEVEL is above its level.

    A line with metrics is written at any level: the user asked for the metrics.
    """
    try:
        measured = "" if _metrics is None else _metrics(event, fields)
    except Exception:  # the rest of the line is still true
        measured = ""
    if not _heard or (_LEVELS[level] < _lowest and not measured):
        return
    try:
        members = [f'"source":"faultlayer","level":"{level}","event":"{event}"']
        members += [f"{quote(name)}:{_json(value)}" for name, value in fields.items()]
        if measured:
            members.append(measured)
        _send(("{" + ",".join(members) + "}\n").encode("ascii", "replace"))
    except Exception:  # no memory
        pass
