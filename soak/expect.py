"""The due outcome of an invocation: deliveries, the answer, the least delay.

A second, plain reading of the pages, independent of the code under test. A mistake is told in one
line that names sizes and kinds only.
"""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import Any

from soak.cases import ERROR, HTTP_STREAM, SEPARATOR, STREAM, Case, compact
from soak.rules import LONGEST, PADDED, Draws, Hit

_REWRITES = ("corruption", "headers", "batch", "oversize")
REPORT, ANSWER = "error", "response"
_HOLD = LONGEST - 29.0 - 0.002  # seconds; the deadline is given in whole milliseconds
_LONG = 1 << 20  # characters; a longer text does not grow by being garbled
_CONFUSED = 0xFF  # what a garbled byte becomes; no filler has it


def _seconds(hit: Hit) -> float:
    low, _, high = hit.rule["delay"].replace("ms", "").partition("..")
    return (float(low) + (float(high or low) - float(low)) * hit.how) / 1000


class Expected:
    """The due outcome of one invocation.

    `runs`: how often the function gets the event. `delay`: the least seconds from event to answer.
    `injected`: by fault, how many injections are logged. `what` and `wrong`: how it has to end.
    """

    def __init__(self, case: Case, draws: Draws) -> None:
        self._case = case
        self.injected: Counter[str] = Counter()
        self.delay = 0.0
        hits = draws.hits(case)
        terminal = [hit for hit in hits if hit.name in ("exception", "status")]
        terminal.sort(key=lambda hit: not hit.before)  # stable: exceptions stay first
        self.terminal = terminal[0] if terminal else None
        barred = self.terminal is not None and self.terminal.before
        self._delays([hit for hit in hits if hit.name in ("latency", "timeout")])
        self.damaged = not barred and any(hit.name == "event" for hit in hits)
        self.runs = 0 if barred else self._deliveries(hits)
        if self.terminal:
            self.injected[self.terminal.name] += 1
        if self.damaged:
            self.injected["event"] += 1
        self.rewrites = [
            h for h in hits if h.name in ("corruption", "headers", "batch", "oversize")
        ]
        reported = case.how == ERROR and not barred and not self._answers()
        failed = self.terminal is not None and self.terminal.name == "exception"
        self.what = REPORT if reported or failed else ANSWER
        if self.what == REPORT:
            self.rewrites = []

    def _answers(self) -> bool:
        return self.terminal is not None and self.terminal.name == "status"

    def _delays(self, hits: list[Hit]) -> None:
        before = after = held = 0.0
        for hit in hits:
            self.injected[hit.name] += 1
            if hit.name == "timeout":
                held = _HOLD
            elif hit.before:
                before += _seconds(hit)
            else:
                after += _seconds(hit)
        self.delay = max(before, held) + after

    def _deliveries(self, hits: list[Hit]) -> int:
        asked = [hit.rule["times"] for hit in hits if hit.name == "duplicate"]
        if not asked or self._case.how == ERROR:  # an error ends the deliveries
            return 1
        self.injected["duplicate"] += 1
        return int(max(asked))

    def event(self) -> bytes | dict[str, Any]:
        """The event as the function gets it: bytes, or a damaged event."""
        whole = self._case.event()
        if not self.damaged:
            return whole
        fields: dict[str, Any] = json.loads(whole)
        fields.pop("p")
        return {**fields, "damaged": {"by": ["soak", 1]}}

    # -- what leaves --------------------------------------------------------------------------

    def wrong(self, what: str, kind: bytes, content: bytes) -> str:
        """Name the mistake in the sent answer; empty if it is right.

        Call it once.
        """
        if what != self.what:
            return f"{what} where {self.what} was due"
        terminal, case = self.terminal, self._case
        streams = case.how in (STREAM, HTTP_STREAM)
        if terminal is None:
            whole = case.answer(self.runs)
            if not self.rewrites:
                return "" if content == whole else f"content, {len(content)} of {len(whole)} bytes"
            if streams:
                return self._stream(whole, content)
            return self._buffered(whole, content)
        if terminal.name == "exception":
            return _failure(terminal, kind, content)
        fields = {
            "statusCode": terminal.rule["code"],
            "headers": {"content-type": "text/plain"},
            "body": terminal.rule["body"],
            "isBase64Encoded": False,
        }
        if terminal.before or not streams:
            return self._buffered(compact(fields), content)
        if case.how == STREAM:
            return self._stream(compact(fields), content)
        body = fields.pop("body")
        fields.pop("isBase64Encoded")
        return self._stream(compact(fields) + SEPARATOR + str(body).encode(), content)

    def _buffered(self, whole: bytes, content: bytes) -> str:
        meant = _Buffered(whole)
        for hit in self.rewrites:
            if hit.name == "oversize":
                continue
            self.injected[hit.name] += getattr(meant, hit.name)(hit, self._case)
        size = meant.size()
        if any(hit.name == "oversize" for hit in self.rewrites) and size < PADDED:
            self.injected["oversize"] += 1
            size = PADDED
            meant.padded()
        if len(content) != size:
            return f"{len(content)} bytes where {size} were due"
        return meant.wrong(content)

    def _stream(self, whole: bytes, content: bytes) -> str:
        corruptions = [hit for hit in self.rewrites if hit.name == "corruption"]
        shaped = self._case.how == HTTP_STREAM
        padded = content.rstrip(b" ")
        for hit in self.rewrites:
            if hit.name == "oversize":
                self.injected["oversize"] += len(padded) < PADDED
                if len(content) != max(len(padded), PADDED):
                    return f"a stream of {len(content)} bytes that was to be padded"
                content = padded
            elif hit.name == "corruption" or (hit.name == "headers" and shaped):
                self.injected[hit.name] += 1
        if shaped:
            prelude, separator, content = content.partition(SEPARATOR)
            expected, _, whole = whole.partition(SEPARATOR)
            fields = json.loads(expected)
            if any(hit.name == "headers" for hit in self.rewrites):
                fields["headers"] = _with_header(fields["headers"])
            if not separator or json.loads(prelude) != fields:
                return "a stream with another prelude"
        return _corrupted(whole, content, [hit.rule["mode"] for hit in corruptions])


def _with_header(headers: dict[str, str]) -> dict[str, str]:
    kept = {name: text for name, text in headers.items() if name.lower() != "content-type"}
    return {**kept, "x-soak": "set"}


def _failure(hit: Hit, kind: bytes, content: bytes) -> str:
    error, _, message = hit.rule["message"].partition(": ")
    if kind != error.encode():
        return "an error of another type"
    try:
        said = json.loads(content)
    except ValueError:
        return "an error that is not JSON"
    meant = {"errorType": error, "errorMessage": message, "stackTrace": []}
    return "" if said == meant else "another error"


def _corrupted(whole: bytes, content: bytes, modes: list[str]) -> str:
    """Name the mistake in a stream's body, whose pieces are unknown."""
    if not modes:
        same = content == whole
    elif len(modes) > 1:
        same = content != whole and len(content) <= len(whole) + 64
    elif modes == ["truncate"]:
        same = len(content) <= len(whole) // 2 and whole.startswith(content)
    elif modes == ["garble"]:
        pairs = zip(whole, content, strict=False)
        same = len(content) == len(whole) and all(b in (a, _CONFUSED) for a, b in pairs)
        same = same and content.count(b"\xff") >= len(whole) // 2
    else:
        same = content == b"the soak was here"
    return "" if same else f"a stream whose body is wrong, {len(content)} of {len(whole)} bytes"


class _Buffered:
    """A buffered answer as rewritten: bytes, or the JSON object in them."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._value: dict[str, Any] | None = None  # where it is to be compared as JSON

    def _object(self) -> dict[str, Any] | None:
        if self._value is not None:
            return self._value
        try:
            value = json.loads(self._raw)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def padded(self) -> None:
        """Pad an answer: one with an HTTP shape within its body."""
        value = self._object()
        if value is not None and "statusCode" in value:
            self._value = value

    def size(self) -> int:
        return len(self._raw if self._value is None else compact(self._value))

    def wrong(self, content: bytes) -> str:
        """Name the mistake in the sent answer, its size apart.

        Padding is blanks.
        """
        if self._value is None:
            if content.startswith(self._raw) and not content[len(self._raw) :].strip(b" "):
                return ""
            return f"content, rewritten, {len(content)} bytes"
        try:
            said = json.loads(content)
        except ValueError:
            return "a rewritten answer that is not JSON"
        meant = dict(self._value)
        for value in (said, meant):
            if isinstance(value.get("body"), str):
                value["body"] = value["body"].rstrip(" ")
        return "" if said == meant else f"another JSON object, {len(content)} bytes"

    def corruption(self, hit: Hit, case: Case) -> bool:
        value, mode = self._object(), hit.rule["mode"]
        if value is None or "statusCode" not in value:
            before = self._raw if self._value is None else compact(self._value)
            self._raw, self._value = _changed(before, mode, hit.rule), None
            return self._raw != before
        text = str(value["body"])
        if mode == "garble":
            lost = "\ufffd" if len(text) <= _LONG else "?"
            body = "".join(lost if at % 2 == 0 else sign for at, sign in enumerate(text))
        else:
            body = text[: len(text) // 2] if mode == "truncate" else str(hit.rule["body"])
        if body == text:
            return False
        self._value = {**value, "body": body}
        return True

    def headers(self, hit: Hit, case: Case) -> bool:
        value = self._object()
        if value is None or "statusCode" not in value:
            return False
        self._value = {**value, "headers": _with_header(value["headers"])}
        return True

    def batch(self, hit: Hit, case: Case) -> bool:
        value = self._object()
        failed = _chosen(case.names(), hit.rule["share"], hit.how)
        if value is None:
            return False
        reported = value.get("batchItemFailures", [])
        known = [item["itemIdentifier"] for item in reported]
        more = [{"itemIdentifier": name} for name in failed if name not in known]
        if more:
            self._value = {**value, "batchItemFailures": reported + more}
        return bool(more)


def _chosen(names: list[str], share: float, how: float) -> list[str]:
    """The failing records, in the batch's order.

    They are the first of a shuffled batch.
    """
    random = Random(int(how * 2**53)).random
    count = min(int(share * len(names) + random()), len(names))
    places = list(range(len(names)))
    for at in range(count):
        other = at + int(random() * (len(places) - at))
        places[at], places[other] = places[other], places[at]
    return [names[at] for at in sorted(places[:count])]


def _changed(content: bytes, mode: str, rule: dict[str, Any]) -> bytes:
    if mode == "truncate":
        return content[: len(content) // 2]
    if mode == "garble":
        changed = bytearray(content)
        changed[::2] = b"\xff" * len(changed[::2])
        return bytes(changed)
    return str(rule["body"]).encode()
