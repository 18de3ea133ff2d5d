"""A fault that fails over an answer, or over a stream, leaves it as the function gave it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from failing import (
    EVENT,
    PLACES,
    Lines,
    api,
    armed,
    buffered,
    every_kind,
    fails,
    lines,
    one_line,
    streamed,
)

from fakes.runtime import HTTP_STREAM, Runtime
from fakes.runtime_api import RuntimeApi
from fakes.turns import NULS, PRELUDE
from faultlayer.faults import find_fault
from faultlayer.vocabulary.actions import Action, Rewrite
from faultlayer.vocabulary.answer import Answer
from faultlayer.vocabulary.registry import Fault
from faultlayer.vocabulary.streamed import Stream

__all__ = ["api", "lines"]  # fixtures

REWRITING = sorted({fault.name for fault, _, name, _ in PLACES if name == "whole"})
every_rewriting = pytest.mark.parametrize("name", REWRITING)


def rewriting(
    monkeypatch: pytest.MonkeyPatch, name: str, whole: Any = None, stream: Any = None
) -> Fault:
    """This fault, its action with other functions that get the old ones too."""
    fault = find_fault(name)
    assert fault is not None
    decide = fault.decide

    def other(*args: Any) -> Action | None:
        action = decide(*args)
        assert isinstance(action, Rewrite)
        if whole:
            old_whole = action.whole
            action.whole = lambda answer: bool(whole(old_whole, answer))
        if stream:
            old_stream = action.stream
            action.stream = lambda answer: bool(stream(old_stream, answer))
        return action

    monkeypatch.setattr(fault, "decide", other)
    return fault


@every_rewriting
@every_kind
def test_an_answer_half_changed_is_sent_as_it_was(
    api: RuntimeApi,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    kind: type[Exception],
) -> None:
    def half(old: Callable[[Answer], bool], answer: Answer) -> bool:
        old(answer)
        if answer.http:
            answer.http.change_headers({"x-half": "1"})
        raise kind

    fault = rewriting(monkeypatch, name, whole=half)
    request_id = buffered(api, armed(api, fault))
    one_line(lines, fault, request_id, kind.__name__)


@every_rewriting
def test_an_answer_that_cannot_be_written_any_more_is_sent_as_it_was(
    api: RuntimeApi,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    def nonsense(old: Callable[[Answer], bool], answer: Answer) -> bool:
        assert answer.http is not None
        answer.http.text = "\u20ac"  # no byte
        answer.http.changed = True
        return True

    fault = rewriting(monkeypatch, name, whole=nonsense)
    request_id = buffered(api, armed(api, fault))
    one_line(lines, fault, request_id, "UnicodeEncodeError")


@every_rewriting
@every_kind
def test_a_stream_half_prepared_passes_as_it_is(
    api: RuntimeApi,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    kind: type[Exception],
) -> None:
    def half(old: Callable[[Stream], bool], answer: Stream) -> bool:
        old(answer)
        answer.filter_body(lambda piece: b"")
        answer.pad(1000)
        raise kind

    fault = rewriting(monkeypatch, name, stream=half)
    request_id = streamed(api, armed(api, fault))
    one_line(lines, fault, request_id, kind.__name__)


@every_rewriting
@every_kind
def test_a_filter_that_fails_lets_the_rest_of_the_stream_pass(
    api: RuntimeApi,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    kind: type[Exception],
) -> None:
    """It has changed nothing, so it is no injection; the failure is told once, not by piece."""

    def failing(old: Callable[[Stream], bool], answer: Stream) -> bool:
        answer.filter_body(fails(kind))
        return True

    fault = rewriting(monkeypatch, name, stream=failing)
    invoked = api.invoke(EVENT)
    with Runtime(armed(api, fault)) as runtime:
        event = runtime.next()
        pieces = PRELUDE + NULS, b"hello, ", b"world"
        assert runtime.stream(event, *pieces, headers=HTTP_STREAM).status == 202
    assert invoked.result().content.endswith(NULS + b"hello, world")
    (failure,) = lines()
    assert (failure["event"], failure["message"]) == ("internal_error", kind.__name__)
    assert failure["request_id"] == invoked.request_id


@every_rewriting
@every_kind
def test_a_filter_that_fails_once_it_has_changed_something_is_an_injection_that_failed(
    api: RuntimeApi,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    kind: type[Exception],
) -> None:
    """What the caller got was changed, so the injection is told; what follows passes as it is."""

    def once(old: Callable[[Stream], bool], answer: Stream) -> bool:
        left = iter([lambda piece: piece.upper(), fails(kind)])
        answer.filter_body(lambda piece: next(left)(piece))
        return True

    fault = rewriting(monkeypatch, name, stream=once)
    invoked = api.invoke(EVENT)
    with Runtime(armed(api, fault)) as runtime:
        event = runtime.next()
        pieces = PRELUDE + NULS, b"hello, ", b"world"
        assert runtime.stream(event, *pieces, headers=HTTP_STREAM).status == 202
    assert invoked.result().content.endswith(NULS + b"HELLO, world")
    injected, failure = lines()
    assert (injected["event"], injected["fault"]) == ("fault_injected", name)
    assert (failure["event"], failure["message"]) == ("internal_error", kind.__name__)
    assert injected["request_id"] == failure["request_id"] == invoked.request_id
