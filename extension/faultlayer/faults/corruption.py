"""CORRUPTION: the response's body is cut short, made undecodable, or replaced.

In an HTTP-shaped response the body alone is hit, unless the scope is the payload: status and
headers stay. A streamed body is cut within its first piece, since nothing is held back to learn its
length; its prelude stays in any case. A response to an event source is left alone: it reads no
body, and if a list of failed records were gone, all of them would be acknowledged.
"""

from __future__ import annotations

from faultlayer.values.kinds import Choice, Text
from faultlayer.vocabulary.actions import Action, NotApplicable, Rewrite
from faultlayer.vocabulary.registry import ANY, Equivalent, Fault, Option, Options, sources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from faultlayer.vocabulary.answer import Answer
    from faultlayer.vocabulary.invocation import Invocation
    from faultlayer.vocabulary.pieces import Change
    from faultlayer.vocabulary.streamed import Stream

TRUNCATE = "truncate"
GARBLE = "garble"
REPLACE = "replace"
BODY, PAYLOAD = "body", "payload"
_LONG = 1 << 20  # characters: U+FFFD takes three bytes, and Lambda takes 6 MB
_REPLACEMENT = '{"message":"fault injected: corruption"}'


def garble_text(text: str, lost: str = "\ufffd") -> str:
    """Every other character lost, the first among them: neither JSON, XML nor HTML any more."""
    characters = list(text)
    characters[::2] = lost * len(characters[::2])
    return "".join(characters)


def garble_bytes(data: bytes) -> bytes:
    """Every other byte made one that no UTF-8 text, and no file's signature, begins with."""
    result = bytearray(data)
    result[::2] = b"\xff" * len(result[::2])
    return bytes(result)


def corrupt(mode: str, replacement: str) -> Change:
    """The function that corrupts a whole body, text or bytes, in pieces of even lengths."""

    def change(pieces: Iterator[Any], total: int) -> Iterator[str | bytes]:
        lost = "\ufffd" if total <= _LONG else "?"  # so that a long text does not grow
        half = total // 2
        if mode == REPLACE:
            yield replacement
            return
        for piece in pieces:
            if mode == GARBLE:
                text = isinstance(piece, str)
                yield garble_text(piece, lost) if text else garble_bytes(piece)
                continue
            if half <= 0:
                return
            yield piece[:half]
            half -= len(piece)

    return change


def corrupt_stream(mode: str, replacement: str) -> Callable[[bytes], bytes]:
    """The filter that corrupts a streamed body piece by piece."""
    first = [True]

    def change(piece: bytes) -> bytes:
        if mode == GARBLE:
            return garble_bytes(piece)
        if not first:
            return b""
        first.clear()
        return replacement.encode() if mode == REPLACE else piece[: len(piece) // 2]

    return change


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    from faultlayer.vocabulary.fronts import front_of, no_answer

    front = front_of(invocation)
    if options.sources != ANY and (why := no_answer(front)):
        return NotApplicable(f"{why}; `sources` = `{ANY}` applies it all the same")
    mode = options.mode
    replacement = _REPLACEMENT if options.body is None else options.body

    def whole(answer: Answer) -> bool:
        change = corrupt(mode, replacement)
        if options.scope == PAYLOAD:
            done = answer.change_payload(change)
        else:
            answer.read_as(front.members, infers=front.infers)
            done = answer.change_body(change, anew=mode == REPLACE)
        return done or answer.unchanged("the fault changes nothing in the body")

    def stream(answer: Stream) -> bool:
        answer.read_as(front.members)
        answer.filter_body(corrupt_stream(mode, replacement), anew=mode == REPLACE)
        return True

    return Rewrite(whole, stream, mode=options.mode)


_PAYLOAD = "CHAOS_EXTENSION__RESPONSE__DEFAULT_RESPONSE"
_GREETING = '{"statusCode":500,"body":"hello, Chaos!!!"}'


def _flag(given: dict[str, Any]) -> dict[str, Any]:
    return {"mode": REPLACE, "body": given["body"]} if "body" in given else {"mode": TRUNCATE}


def _response(given: dict[str, Any]) -> dict[str, Any]:
    return {"mode": REPLACE, "scope": PAYLOAD, "body": given.get(_PAYLOAD, _GREETING)}


FAULT = Fault(
    __name__,
    order=70,
    help="the response body is cut short, made undecodable, or replaced",
    main=Option("mode", Choice(TRUNCATE, GARBLE, REPLACE), "what happens to the body"),
    options=(
        Option(
            "body",
            Text("any text", "<html>502</html>", empty=True),
            "what `replace` puts there (default: a JSON message)",
        ),
        Option(
            "scope",
            Choice(BODY, PAYLOAD),
            "an HTTP-shaped response's body, or all of it (status and headers too)",
            BODY,
        ),
        sources("those that read the answer"),
    ),
    equivalents=(
        Equivalent("corruption", {"body": ("body", "any text")}, _flag),
        Equivalent(
            "CHAOS_EXTENSION__RESPONSE__ENABLE_CHANGE_RESPONSE_BODY",
            {_PAYLOAD: ("body", "any text")},
            _response,
            share="CHAOS_EXTENSION__RESPONSE__CHANGE_RESPONSE_PROBABILITY",
            usual=0.9,
        ),
    ),
    decide=decide,
    logged={
        "mode": "`truncate`, `garble` or `replace`",
    },
)
