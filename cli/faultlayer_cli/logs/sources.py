"""Messages for a report: from log groups of CloudWatch, or from logs that were saved.

CloudWatch is asked only for messages that a report understands, and each is passed on as it comes.
A file is text, JSON values one after another, or a table (saved_forms).
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from faultlayer.jsontext import encoding_of
from faultlayer_cli.aws.account import Account, Unknown
from faultlayer_cli.errors import Mistake
from faultlayer_cli.logs import saved_forms
from faultlayer_cli.logs.lines import PATTERN


class LogMessage(NamedTuple):
    """A message: its log stream, its text, and its place for messages about mistakes."""

    stream: str
    text: str
    place: str


_GZIP = b"\x1f\x8b"
_GROUP = re.compile(r"[\w./#-]{1,512}", re.ASCII)
_ARN = re.compile(r"arn:[\w-]+:logs:[\w-]*:\d*:log-group:([\w./#-]{1,512})(:\*)?", re.ASCII)


@dataclass(frozen=True)
class LogGroup:
    """A log group; `function` limits it to one of the functions that write to it."""

    name: str  # or its ARN, in another account
    function: str = ""
    certain: bool = True  # True if a group that does not exist is a mistake

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
                        named_stream = f"{self.name} {stream}"
                        text = str(one.get("message") or "")
                        yield LogMessage(named_stream, text, named_stream.rstrip())
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


def _encoding_of(start: bytes) -> str:
    """The encoding of a log, by its first eight bytes; UTF-32 would pass for UTF-16."""
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    for encoding in ("utf-32-le", "utf-32-be"):
        with contextlib.suppress(UnicodeDecodeError):
            text = start.decode(encoding)
            if text and text.isascii() and "\0" not in text:
                return encoding
    return encoding_of(start)


def of_file(name: str) -> Iterator[LogMessage]:
    """Read a file, or standard input (-), in any form that a log is saved in. Raises Mistake."""
    with contextlib.ExitStack() as stack:
        try:
            opened = stack.enter_context(Path("/dev/stdin" if name == "-" else name).open("rb"))
            packed = opened.peek(2)[:2] == _GZIP
            raw = io.BufferedReader(gzip.GzipFile(fileobj=opened)) if packed else opened
            text = io.TextIOWrapper(raw, _encoding_of(raw.peek(8)[:8]), "replace", newline="")
            for found in saved_forms.read(text):
                place = f"{name}:{found.line}"
                yield LogMessage(f"{name} {found.stream}", found.text, place)
        except csv.Error as error:
            raise Mistake(f"cannot read {name}: {error}") from None
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or error
            function = isinstance(error, FileNotFoundError) and "/" not in name
            meant = f"; the log of a function: --function {name}" if function else ""
            raise Mistake(f"cannot read {name}: {reason}{meant}") from None
