"""Where a report's messages come from: log groups of CloudWatch, or logs that were saved.

It promises to fetch the messages alone that are understood, to hold none of them back, and to read
whatever the AWS command line, `faultlayer local` or a terminal's copy leaves in a file.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from faultlayer_cli.aws.account import Account, Unknown
from faultlayer_cli.errors import Mistake
from faultlayer_cli.logs.lines import PATTERN

Message = tuple[str, str]  # the log stream it is in, and what it says

_GZIP = b"\x1f\x8b"
_STREAM = re.compile(r"\d{4}/\d\d/\d\d/\S*\[[^\]\s]+\]\S+")  # as `aws logs tail` shows it
_GROUP = re.compile(r"[\w./#-]{1,512}", re.ASCII)
_ARN = re.compile(r"arn:[\w-]+:logs:[\w-]*:\d*:log-group:([\w./#-]{1,512})(:\*)?", re.ASCII)


@dataclass(frozen=True)
class LogGroup:
    """A log group, and the function that is meant where several may write to it."""

    name: str  # or its ARN, in another account
    function: str = ""
    certain: bool = True  # whether it is a mistake if there is no such group

    def __post_init__(self) -> None:
        if not (_GROUP.fullmatch(self.name) or _ARN.fullmatch(self.name)):
            raise Mistake(
                f"--log-group {self.name} is no name of a log group; "
                "allowed: for example /aws/lambda/orders"
            )

    def messages(self, account: Account, start: int, end: int) -> Iterator[Message]:
        """Those between these times, in milliseconds. Raises Unknown where there is none."""
        named = {"logGroupName": self.name}
        if found := _ARN.fullmatch(self.name):
            named = {"logGroupIdentifier": self.name.removesuffix(found[2] or "")}
        pages = account.pages(
            "logs",
            "filter_log_events",
            startTime=start,
            endTime=end,
            filterPattern=PATTERN,
            **named,
        )
        try:
            for page in pages:
                for one in page.get("events") or ():
                    stream = str(one.get("logStreamName") or "")
                    if self._ours(stream):
                        yield f"{self.name} {stream}", str(one.get("message") or "")
        except Unknown:
            if self.certain:
                raise

    def _ours(self, stream: str) -> bool:
        """Whether the function writes to this stream: its name is in it where groups are shared."""
        named = re.search(r"/([^/\[\]]+)\[", stream)
        return not (self.function and named) or named[1] == self.function


def of_function(account: Account, name: str) -> LogGroup:
    """The log group that a function writes to; one that never ran may have none yet."""
    told = account.call("lambda", "get_function_configuration", FunctionName=name)
    bare = str(told.get("FunctionName") or name)
    group = (told.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{bare}"
    return LogGroup(group, bare, certain=False)


def of_file(name: str) -> Iterator[Message]:
    """What a file says, or standard input (-): text, JSON lines, or what `aws logs` prints."""
    with contextlib.ExitStack() as stack:
        try:
            opened = stack.enter_context(Path("/dev/stdin" if name == "-" else name).open("rb"))
            packed = opened.peek(2)[:2] == _GZIP
            raw = gzip.GzipFile(fileobj=opened) if packed else opened
            yield from _read(io.TextIOWrapper(raw, "utf-8", "replace"), name)
        except (OSError, EOFError) as error:
            reason = getattr(error, "strerror", None) or error
            raise Mistake(f"cannot read {name}: {reason}") from None


def _read(text: IO[str], name: str) -> Iterator[Message]:
    for line in text:
        if line.strip() in ("{", "["):  # JSON over several lines
            rest = line + text.read()
            yield from _documents(rest, name)
            return
        yield from _one_line(line, name)


def _one_line(line: str, name: str) -> Iterator[Message]:
    if line.lstrip().startswith(("{", "[")) and '"message"' in line:
        with contextlib.suppress(ValueError, RecursionError):
            found = json.loads(line)
            if _events(found) is not None:
                yield from _document(found, name)
                return
    stream = _STREAM.search(line)
    yield f"{name} {stream[0] if stream else ''}", line


def _documents(text: str, name: str) -> Iterator[Message]:
    """One JSON value after another; from where they end on, lines."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        try:
            found, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            for line in text[at:].splitlines():
                yield from _one_line(line, name)
            return
        yield from _document(found, name)


def _document(found: Any, name: str) -> Iterator[Message]:
    events = _events(found)
    if events is None:
        yield f"{name} ", json.dumps(found)
        return
    for one in events:
        yield f"{name} {one.get('logStreamName', '')}", str(one["message"])


def _events(found: Any) -> list[dict[str, Any]] | None:
    """The log events of what `aws logs` printed; None where it is something else."""
    listed = found.get("events") if isinstance(found, dict) else found
    if not isinstance(listed, list):
        return None
    if all(isinstance(one, dict) and "message" in one for one in listed):
        return listed
    return None
