"""Events and answers: matched as a plain reading says, and still JSON after every change."""

from __future__ import annotations

import json
import re
import sys
import warnings
from typing import Any

from faultlayer import jsontext
from faultlayer.events import edit, match, regex
from faultlayer.events.paths import HEADERS, MISSING, parts_of
from faultlayer.faults.batch import FAILURES, joined
from faultlayer.vocabulary.answer import Answer
from faultlayer.vocabulary.invocation import Invocation
from faultlayer.vocabulary.streamed import SEPARATOR, Stream

_ARN = b"arn:aws:lambda:r:1:function:f:v"
_HEAD = b"HTTP/1.1 200 OK\r\nLambda-Runtime-Invoked-Function-Arn: %b\r\n\r\n" % _ARN
_REPEATS = 5  # signs of repetition, and characters of text, that `re` answers for in time
_LETTERS = 12


def _lines(data: bytes, count: int) -> list[str]:
    lines = data.decode("utf-8", "replace").split("\n", count - 1)
    return lines + [""] * (count - len(lines))


# -- matching ---------------------------------------------------------------------------------


def matches(data: bytes) -> None:
    """A match in the first line, the event in the rest."""
    written, event = _lines(data, 2)
    try:
        rule = match.parse(written)
    except ValueError as error:
        assert str(error)
        return
    held = _holds(rule, event)
    again = match.parse(rule.show())
    assert again.show() == rule.show()
    assert _holds(again, event) is held
    meant = _meant(rule, event)
    assert meant is None or meant is held


def _holds(rule: match.Match, event: str) -> bool:
    held = rule.holds(Invocation(_HEAD, _HEAD.lower(), event.encode))
    assert isinstance(held, bool)
    return held


def _meant(rule: match.Match, event: str) -> bool | None:
    """Whether all conditions hold, by a plain reading; None where that takes more than one."""
    try:
        value = json.loads(event)
    except (ValueError, RecursionError):
        value = None if any(not condition.of_head for condition in rule.conditions) else {}
        if value is None:
            return False
    held = True
    for condition in rule.conditions:
        if condition.of_head or "regex" in condition.expected or "as" in condition.expected:
            return None
        if HEADERS & set(condition.path):
            return None
        found = _at(value, condition.path)
        for name, operand in condition.expected.items():
            held = held and _operator(name, operand, found)
    return held


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and re.fullmatch("[0-9]{1,9}", part, re.ASCII):
            if int(part) >= len(value):
                return MISSING
            value = value[int(part)]
        else:
            return MISSING
    return value


def _operator(name: str, operand: Any, found: Any) -> bool:
    if name == "exists":
        return (found is not MISSING) == operand
    if name == "prefix":
        return isinstance(found, str) and found.startswith(operand)
    wanted = operand if name == "in" else [operand]
    # JSON tells true from 1 as Python does not, and 5.0 from 5 no more than Python does.
    return any(_kind(one) == _kind(found) and one == found for one in wanted)


def _kind(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        finite = -float("inf") < value < float("inf")
        return "number" if finite else "none"
    return type(value).__name__


# -- regular expressions ----------------------------------------------------------------------


def expressions(data: bytes) -> None:
    """A pattern in the first line, text in the rest: accepted, it finds what `re` finds."""
    pattern, text = _lines(data, 2)
    text = text[:_LETTERS]
    try:
        ours = regex.compile(pattern)
    except ValueError as error:
        assert str(error)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = re.compile(pattern)  # what we accept, re accepts
    ours.search(text * 40)
    found = ours.search(text)
    assert ours.search(text) is found
    if sum(pattern.count(sign) for sign in "*+?{") > _REPEATS:
        return
    if (not text and "\\B" in pattern and sys.version_info >= (3, 14)) or _astral(pattern):
        return
    assert found is bool(theirs.search(text))


def _astral(pattern: str) -> bool:
    """Without regard to case `re` loses letters of a class beyond U+FFFF."""
    return "(?i)" in pattern and any(ord(letter) > 0xFFFF for letter in pattern)


# -- changing JSON ----------------------------------------------------------------------------


def changes(data: bytes) -> None:
    """A path, a value (none: remove) and a JSON text, a line each."""
    written, value, text = _lines(data, 3)
    try:
        path, before = parts_of(written), jsontext.loads_careful(text)
        new = None if not value else jsontext.dumps(jsontext.loads(value))
    except (ValueError, RecursionError):
        return
    after = edit.set_path(text, path, new)
    try:
        found = json.loads(after)
    except RecursionError:
        return
    assert edit.set_path(after, path, new) == after or new is None, "a second time changes more"
    if not _repeats(before):
        meant = _placed(before, path, new, "")
        assert repr(found) == repr(meant), "another value than meant"


def _repeats(value: Any) -> bool:
    if isinstance(value, jsontext.Repeated):
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_repeats, inner))


def _nested(path: tuple[str, ...], new: str) -> Any:
    value = json.loads(new)
    for name in reversed(path):
        value = {name: value}
    return value


def _placed(value: Any, path: tuple[str, ...], new: str | None, above: str) -> Any:
    """The value with this JSON at the path, by a plain reading."""
    name, rest = path[0], path[1:]
    if isinstance(value, list):
        places = [int(name)] if re.fullmatch("[0-9]+", name, re.ASCII) else []
        if not places or places[0] >= len(value):
            return value
    elif isinstance(value, dict):
        lower = name.lower() if above in HEADERS else None
        places = [key for key in value if key == name or key.lower() == lower]
        if not places:
            return value if new is None else {**value, name: _nested(rest, new)}
    else:
        return value
    changed = value.copy()
    for place in sorted(places, reverse=True) if isinstance(value, list) else places:
        if not rest and new is None:
            del changed[place]
        elif not rest and new is not None:
            changed[place] = json.loads(new)
        elif isinstance(value[place], (dict, list)):
            changed[place] = _placed(value[place], rest, new, name)
        elif value[place] is None and new is not None:
            changed[place] = _nested(rest, new)
    return changed


def texts(data: bytes) -> None:
    """A JSON text: read, and written again, as the library does."""
    try:
        text = data.decode()
        meant = json.loads(text)
    except UnicodeError:
        return
    except (ValueError, RecursionError) as error:
        try:
            jsontext.loads(text)
        except (ValueError, RecursionError):
            return
        raise AssertionError("the library refuses this") from error
    found = jsontext.loads(data)
    assert repr(found) == repr(meant)
    assert repr(jsontext.loads_careful(text)) == repr(meant) or _repeats(
        jsontext.loads_careful(text)
    )
    assert jsontext.dumps(found) == json.dumps(meant, separators=(",", ":"))


# -- answers ----------------------------------------------------------------------------------

_CHANGES = {"X-Set": "1", "content-type": None}


def rewrites(data: bytes) -> None:
    """What a function answered: headers, failed records and padding leave JSON what it was."""
    if not data:
        return
    size, payload = data[0] * 40, data[1:]
    answer = Answer(payload)
    shaped = answer.http is not None
    if answer.http is not None:
        answer.http.change_headers(_CHANGES)
    failed = ["a", "\ud800", '"']
    answer.replace_payload(lambda payload: joined(payload, failed))
    answer.pad(size)
    start, unit, count, end = answer.parts()
    whole = start + unit * count + end
    assert len(whole) >= size
    try:
        before = jsontext.loads(payload) if payload.strip() else {}
    except (ValueError, RecursionError):
        assert whole.rstrip(b" ") == payload.rstrip(b" ")
        return
    after = json.loads(whole)
    if isinstance(before, dict) and before.get(FAILURES) is None:
        assert [item["itemIdentifier"] for item in after[FAILURES]] == failed
    if shaped:
        assert (
            after["statusCode"] == before["statusCode"]
            or before["statusCode"] != before["statusCode"]
        )
        several = after.get("multiValueHeaders")
        held = after.get("headers") or several
        assert "X-Set" in held


def streams(data: bytes) -> None:
    """A streamed answer: what leaves does not hang on the pieces in which it came."""
    if not data:
        return
    parts = [data[1:][at : at + data[0] + 1] for at in range(0, len(data) - 1, data[0] + 1)]
    assert _streamed(parts) == _streamed([data[1:]])
    if SEPARATOR not in data[1:]:
        assert _streamed(parts)[: len(data) - 1] == data[1:]


def _streamed(parts: list[bytes]) -> bytes:
    def rewrite(stream: Stream) -> None:
        if stream.http is not None:
            stream.http.change_headers(_CHANGES)
        stream.pad(300)

    stream = Stream(http=True, rewrite=rewrite)
    found = b"".join([stream.feed(part) for part in parts])
    found += stream.end()
    return found + b"".join(stream.padding())
