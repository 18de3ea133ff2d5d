"""A body in pieces: the same text as a whole, whatever it is made of, in little memory."""

from __future__ import annotations

import base64
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.faults import find_fault
from faultlayer.faults.corruption import corrupt
from faultlayer.vocabulary import pieces
from faultlayer.vocabulary.answer import Answer
from faultlayer.vocabulary.pieces import quoted, texts

MODES = ("truncate", "garble", "replace")
CHARACTERS = st.text(
    st.characters() | st.sampled_from('\\"\\\\\n/u0é请😀\ud83d\ude00'), min_size=0, max_size=60
)


def spelled(text: str, *, ascii_only: bool) -> str:
    """The text in JSON, one character for each byte."""
    written = json.dumps(text, ensure_ascii=ascii_only)
    try:
        return written.encode().decode("latin-1")
    except UnicodeEncodeError:  # a lone surrogate
        return json.dumps(text)


@given(CHARACTERS, st.booleans(), st.integers(12, 40))
def test_the_pieces_are_the_text(text: str, ascii_only: bool, size: int) -> None:
    written = spelled(text, ascii_only=ascii_only)
    before, pieces.SIZE = pieces.SIZE, size
    try:
        found = list(texts(written, 1, len(written) - 1, raw=False))
    finally:
        pieces.SIZE = before
    # Two halves of a pair that came apart are one character to whoever reads the JSON.
    again = json.loads(f'"{"".join(map(quoted, found))}"'.encode("latin-1"))
    assert again == json.loads(written.encode("latin-1"))
    assert all(len(piece) % 2 == 0 for piece in found[:-1])
    assert all(len(piece) <= size + 1 for piece in found)


@pytest.mark.parametrize("run", range(8))
def test_a_long_run_of_backslashes_is_parted_between_two(run: int) -> None:
    text = "a" * run + "\\" * 50_000 + "\n" + '"' * 50_000
    written = spelled(text, ascii_only=False)
    assert "".join(texts(written, 1, len(written) - 1, raw=False)) == text


BODIES = {
    "ascii": "ab" * 1_000_000,
    "Chinese": "请稍" * 350_000,
    "an emoji": "ab" * 1_000_000 + "😀",
    "escapes": '"\\\n' * 350_000,
    "base64": base64.b64encode(bytes(range(256)) * 6000).decode(),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("mode", MODES)
def test_a_long_body_as_a_short_one(name: str, mode: str) -> None:
    body = BODIES[name]
    fields = {"statusCode": 200, "body": body, "isBase64Encoded": name == "base64"}
    answer = Answer(json.dumps(fields, ensure_ascii=False).encode())
    assert answer.change_body(corrupt(mode, "R"), anew=mode == "replace")
    after = json.loads(answer.payload())
    before: Any = base64.b64decode(body) if name == "base64" else body
    found: Any = after["body"]
    if mode == "replace":
        assert (found, after["isBase64Encoded"]) == ("R", False)
        return
    found = base64.b64decode(found) if name == "base64" else found
    assert after["isBase64Encoded"] is fields["isBase64Encoded"]
    if mode == "truncate":
        assert found == before[: len(before) // 2]
    else:
        assert len(found) == len(before)
        assert found[1::2] == before[1::2]
        assert set(found[::2]) <= {"?", "\ufffd", 0xFF}


CHANGES: dict[str, Any] = {mode: {"mode": mode, "body": None, "scope": "body"} for mode in MODES}
CHANGES |= {"headers": {"headers": {"x-a": None}}, "oversize": {"size": 5 << 20}}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("event", [b"{}", b'{"requestContext":{"http":{}}}'])
def test_no_change_takes_four_times_the_answer(name: str, change: str, event: bytes) -> None:
    """The answer itself is one of the four; the reckoning of free memory goes by that."""
    from faultlayer.vocabulary.invocation import Invocation
    from faultlayer.vocabulary.registry import Options

    fault = find_fault("corruption" if change in MODES else change)
    assert fault is not None
    options = Options({"sources": "callers", **CHANGES[change]})
    action: Any = fault.decide(options, Invocation(b"", b"", lambda: event), 0.5)
    fields = {"statusCode": 200, "headers": {"x-a": "1"}, "body": BODIES[name]}
    if name == "base64":
        fields["isBase64Encoded"] = True
    payload = json.dumps(fields, ensure_ascii=False).encode()
    tracemalloc.start()
    try:
        answer = Answer(payload)
        assert action.whole(answer)
        parts = answer.parts()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert parts
    assert peak + len(payload) <= 4 * len(payload) + (1 << 20)
