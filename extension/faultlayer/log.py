"""One JSON line on standard output per event, written at once.

It promises never to log event bodies, environment values or credentials: callers give it names,
numbers and fixed sentences.
"""

from __future__ import annotations

from posix import environ, write

from faultlayer.jsontext import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_LEVELS = {"trace": 0, "debug": 1, "info": 2, "warn": 3, "error": 4, "fatal": 5}
_lowest = _LEVELS.get(environ.get(b"AWS_LAMBDA_LOG_LEVEL", b"info").decode("latin-1").lower(), 2)
_metrics: Callable[[str, Mapping[str, Any]], str] | None = None


def _json(value: Any) -> str:
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def embed(metrics: Callable[[str, Mapping[str, Any]], str]) -> None:
    """From here on `metrics` says what a line gets besides, by its event and its fields."""
    global _metrics
    _metrics = metrics


def emit(level: str, event: str, **fields: Any) -> None:
    """Write one line, unless AWS_LAMBDA_LOG_LEVEL asks for graver ones only.

    A line with metrics is written whatever the level: they were asked for by name.
    """
    measured = "" if _metrics is None else _metrics(event, fields)
    if _LEVELS[level] < _lowest and not measured:
        return
    members = [f'"source":"faultlayer","level":"{level}","event":"{event}"']
    members += [f"{quote(name)}:{_json(value)}" for name, value in fields.items()]
    if measured:
        members.append(measured)
    try:
        write(1, ("{" + ",".join(members) + "}\n").encode("ascii", "replace"))
    except OSError:  # a log that cannot be written must not stop an invocation
        pass
