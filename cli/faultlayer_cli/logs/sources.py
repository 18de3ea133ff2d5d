"""Messages for a report: from log groups of CloudWatch, or from logs that were saved.

CloudWatch is asked only for messages that a report understands, and each is passed on as it comes.
Files may be what the AWS command line, `faultlayer local` or a copy from a terminal left.
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

LogMessage = tuple[str, str]  # the log stream it is in, and what it says

_GZIP = b"\x1f\x8b"
_STREAM = re.compile(r"\d{4}/\d\d/\d\d/\S*\[[^\]\s]+\]\S+")  # as `aws logs tail` shows it
_GROUP = re.compile(r"[\w./#-]{1,512}", re.ASCII)
_ARN = re.compile(r"arn:[\w-]+:logs:[\w-]*:\d*:log-group:([\w./#-]{1,512})(:\*)?", re.ASCII)


@dataclass(frozen=True)
class LogGroup:
    """A log group; `function` limits it to one of the functions that write to it."""

    name: str  # or its ARN, in another account
    function: str = ""
    certain: bool = True  # whether it is a mistake if there is no such group

    def __post_init__(self) -> None:
        if not (_GROUP.fullmatch(self.name) or _ARN.fullmatch(self.name)):
            raise Mistake(
                f"--log-group {self.name} is no name of a log group; "
                "allowed: for example /aws/lambda/orders"
            )

    def messages(self, account: Account, start: int, end: int) -> Iterator[LogMessage]:
        """Fetch messages between two times (epoch ms). Raises Unknown if there is no group."""
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
        """True if the function writes to this stream. In a shared group the stream has its name."""
        named = re.search(r"/([^/\[\]]+)\[", stream)
        return not (self.function and named) or named[1] == self.function


def of_function(account: Account, name: str) -> LogGroup:
    """The log group of a function. A function that never ran may have none yet."""
    told = account.call("lambda", "get_function_configuration", FunctionName=name)
    bare = str(told.get("FunctionName") or name)
    group = (told.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{bare}"
    return LogGroup(group, bare, certain=False)


def of_file(name: str) -> Iterator[LogMessage]:
    """Read a file, or standard input (-): text, JSON lines, or the output of `aws logs`."""
    with contextlib.ExitStack() as stack:
        try:
            opened = stack.enter_context(Path("/dev/stdin" if name == "-" else name).open("rb"))
            packed = opened.peek(2)[:2] == _GZIP
            raw = gzip.GzipFile(fileobj=opened) if packed else opened
            yield from _read(io.TextIOWrapper(raw, "utf-8", "replace"), name)
        except (OSError, EOFError) as error:
            reason = getattr(error, "strerror", None) or error
            raise Mistake(f"cannot read {name}: {reason}") from None


def _read(text: IO[str], name: str) -> Iterator[LogMessage]:
    for line in text:
        if line.strip() in ("{", "["):  # JSON over several lines
            rest = line + text.read()
            yield from _documents(rest, name)
            return
        yield from _one_line(line, name)


def _one_line(line: str, name: str) -> Iterator[LogMessage]:
    if line.lstrip().startswith(("{", "[")) and '"message"' in line:
        with contextlib.suppress(ValueError, RecursionError):
            found = json.loads(line)
            if _events(found) is not None:
                yield from _document(found, name)
                return
    stream = _STREAM.search(line)
    yield f"{name} {stream[0] if stream else ''}", line


def _documents(text: str, name: str) -> Iterator[LogMessage]:
    """Read JSON values one after another, then what follows them as lines."""
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


def _document(found: Any, name: str) -> Iterator[LogMessage]:
    events = _events(found)
    if events is None:
        yield f"{name} ", json.dumps(found)
        return
    for one in events:
        yield f"{name} {one.get('logStreamName', '')}", str(one["message"])


def _events(found: Any) -> list[dict[str, Any]] | None:
    """The log events in the output of `aws logs`; None if it is something else."""
    listed = found.get("events") if isinstance(found, dict) else found
    if not isinstance(listed, list):
        return None
    if all(isinstance(one, dict) and "message" in one for one in listed):
        return listed
    return None
