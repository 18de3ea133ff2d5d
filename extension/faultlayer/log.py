"""Log one JSON line on standard output per log event, at once.

- It never logs event bodies, environment values or credentials: callers pass names, numbers and
  fixed sentences.
- It never raises. A line that cannot be made or written is lost: the invocation matters more.
- It never writes to descriptor 1 if that is not standard output.
"""

from __future__ import annotations

from posix import environ, fstat, write

from faultlayer.jsontext import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_LEVELS = {"trace": 0, "debug": 1, "info": 2, "warn": 3, "error": 4, "fatal": 5}
_lowest = _LEVELS.get(environ.get(b"AWS_LAMBDA_LOG_LEVEL", b"info").decode("latin-1").lower(), 2)
_metrics: Callable[[str, Mapping[str, Any]], str] | None = None


def _is_open() -> bool:
    """True if there is a standard output. If not, a socket will soon have its number."""
    try:
        fstat(1)
    except OSError:
        return False
    return True


_heard = _is_open()


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
        write(1, ("{" + ",".join(members) + "}\n").encode("ascii", "replace"))
    except Exception:  # no space, nobody reads, no memory
        pass
