"""How an invocation ended: the caller's answer, and the reason of a failure.

The emulator answers an error of the function's code as it answers a result. So a JSON object with
the fields of such an error, and no others, counts as one. AWS's own SAM judges in the same way.
"""

from __future__ import annotations

import http
import json
import re
from dataclasses import dataclass

from faultlayer_cli.running.http_client import Response

_TIMEOUT = re.compile(rb"Task timed out after [0-9.]+ seconds")
_TYPE, _MESSAGE = "errorType", "errorMessage"
# What the runtime clients write: Python requestId, Node.js trace, Java and .NET cause.
_FIELDS = {_TYPE, _MESSAGE, "requestId", "stackTrace", "trace", "cause", "causes"}
_EXIT = "Runtime.ExitError"
_PLATFORM = ("Extension.", "Function.", "Runtime.Exit", "Sandbox.")
_REQUEST = re.compile(r"^RequestId: \S* Error: ")
_LONGEST = 300


@dataclass(frozen=True)
class Outcome:
    """The payload for the caller, and the reason in one line if the function failed.

    `broken`: not the function failed but the emulator.
    """

    payload: bytes
    failure: str = ""
    broken: bool = False


def outcome(response: Response, request_id: str) -> Outcome:
    """Judge the emulator's response to an invocation."""
    body = response.body
    succeeded = response.status == http.HTTPStatus.OK
    if succeeded and _TIMEOUT.fullmatch(body):
        said = body.decode()
        timeout = {_TYPE: "Sandbox.Timedout", _MESSAGE: f"RequestId: {request_id} Error: {said}"}
        return Outcome(json.dumps(timeout, separators=(",", ":")).encode(), f"it timed out: {said}")
    error = _error(body)
    if error is None and succeeded:
        return Outcome(body)
    if error is None:
        told = _line(body.decode("utf-8", "replace"))
        why = f"the emulator answered with status {response.status}" + (told and f": {told}")
        return Outcome(body, why, broken=True)
    kind, message = error[0], _REQUEST.sub("", error[1])
    if kind == _EXIT:
        return Outcome(body, f"its process ended: {_line(message)}")
    told = _line(": ".join(text for text in (kind, message) if text))
    if succeeded or kind.startswith(_PLATFORM):
        return Outcome(body, told)
    return Outcome(body, f"it did not start: {told}")


def _error(body: bytes) -> tuple[str, str] | None:
    """Type and message of the error that a body is; None if it is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not value.keys() <= _FIELDS:
        return None
    kind, message = value.get(_TYPE), value.get(_MESSAGE)
    if message is None and len(value) > 2:
        message = ""  # Java's exceptions need not have one
    if not (isinstance(kind, str) and isinstance(message, str)):
        return None
    return kind, message


def _line(text: str) -> str:
    """The text as one line that is not too long."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "…"
