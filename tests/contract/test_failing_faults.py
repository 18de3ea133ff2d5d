"""A fault whose own code fails leaves the invocation as it was, and says so in one line.

Bugs are put into every fault of the registry: into `decide`, into each function that its actions
carry, into the values that they carry, into what it hands on to the answer, and into what stands
around the faults: the matcher and the log.
"""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fakes.proxied import Address, log_lines, start
from fakes.runtime import HTTP_STREAM, Runtime
from fakes.runtime_api import RuntimeApi
from fakes.turns import NULS, PAYLOAD, PRELUDE
from faultlayer import config, log, match, registry
from faultlayer.actions import BEFORE, Action, Crash, Rewrite
from faultlayer.answer import Answer, Stream
from faultlayer.invocation import Invocation
from faultlayer.registry import PREFIX, Fault

FAULTS = [fault for fault in registry.all_faults() if not fault.begin]
RECORD = {"body": "{}", "attributes": {}, "eventSource": "aws:sqs"}
RECORDS = [{"messageId": f"m{number}", **RECORD} for number in range(5)]
HEAD = (
    b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 8476a536\r\n"
    b"Lambda-Runtime-Deadline-Ms: %d\r\n\r\n"
)
EVENT = json.dumps({"Records": RECORDS}).encode()  # one that every fault applies to
KINDS = [ValueError, MemoryError, RecursionError, OSError]
SHARED = ("when", "numbers")  # what every action has

every_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
Decide = Callable[..., "Action | None"]


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    with RuntimeApi() as server:
        yield server
    assert not server.errors
    assert not server.doubled
    assert not server.refused


@pytest.fixture
def lines(capfd: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    return lambda: log_lines(capfd.readouterr().out)


def fails(kind: type[Exception]) -> Callable[..., Any]:
    def failing(*args: object, **named: object) -> Any:
        raise kind("hunter2")

    return failing


def carried(action: Action) -> list[str]:
    """The names of what this action carries of its own, and that is made use of."""
    slots = [name for base in type(action).__mro__ for name in getattr(base, "__slots__", ())]
    unused = ["seconds"] if getattr(action, "until", None) is not None else []
    unused += ["seconds"] if isinstance(action, Crash) and action.when == BEFORE else []
    return [name for name in slots if name not in (*SHARED, *unused)]


def variables_of(fault: Fault, options: dict[str, str]) -> dict[str, str]:
    """The variables that arm it so, its main one by its example where that is not among them."""
    stem = PREFIX + fault.name.upper()
    given = dict(options)
    variables = {stem: given.pop(fault.main.name, fault.main.kind.example)}
    return variables | {f"{stem}_{name.upper()}": text for name, text in given.items()}


def armed(api: RuntimeApi, fault: Fault, **options: str) -> Address:
    """A proxy with this fault, by its example."""
    return start(api.address, variables_of(fault, options))


def ways(fault: Fault) -> Iterator[dict[str, str]]:
    """Its options by default, each of the words of each, and none at all where that is a value."""
    yield {}
    for option in (fault.main, *fault.options):
        for word in getattr(option.kind, "words", ()):
            yield {option.name: word}
    try:
        fault.main.kind.parse("0")
    except ValueError:
        return
    yield {fault.main.name: "0"}


def buffered(api: RuntimeApi, address: Address) -> str:
    """One invocation that nothing may touch; its request id."""
    invoked = api.invoke(EVENT)
    with Runtime(address) as runtime:
        event = runtime.next()
        assert event.content == EVENT, "the function gets the event as it was"
        assert runtime.respond(event, PAYLOAD).status == 202
    assert invoked.result().kind == "response"
    assert invoked.content == PAYLOAD, "the caller gets the answer as it was"
    return invoked.request_id


def streamed(api: RuntimeApi, address: Address) -> str:
    """The same with an answer that is streamed."""
    invoked = api.invoke(EVENT)
    with Runtime(address) as runtime:
        event = runtime.next()
        assert event.content == EVENT
        pieces = PRELUDE + NULS, b"hello, ", b"world"
        said = runtime.stream(event, *pieces, headers=HTTP_STREAM, trailers=b"X-T: end\r\n")
        assert said.status == 202
    assert invoked.result().content == PRELUDE + NULS + b"hello, world"
    assert invoked.answer is not None
    assert invoked.answer.trailer("x-t") == "end"
    return invoked.request_id


def one_line(
    lines: Callable[[], list[dict[str, Any]]], fault: Fault, request_id: str, kind: str
) -> None:
    """The failure was told, once, and nothing else, no injection above all."""
    (line,) = lines()
    assert (line["level"], line["event"]) == ("error", "internal_error")
    assert line["message"] == kind or not kind
    assert (line["fault"], line["request_id"]) == (fault.name, request_id)


# -- the fault's own code -------------------------------------------------------------------------


@every_fault
@every_kind
def test_a_decision_that_fails(
    api: RuntimeApi,
    lines: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    kind: type[Exception],
) -> None:
    monkeypatch.setattr(fault, "decide", fails(kind))
    address = armed(api, fault)
    for invocation in (buffered, streamed):
        request_id = invocation(api, address)
        one_line(lines, fault, request_id, kind.__name__)


def spoiling(fault: Fault, name: str, value: Any) -> Decide:
    """Its `decide`, with this in the place of what the action carries under this name."""
    decide = fault.decide

    def spoilt(*args: Any) -> Action | None:
        action = decide(*args)
        if action is not None and name in carried(action):
            setattr(action, name, value)
        return action

    return spoilt


def places(fault: Fault) -> list[tuple[dict[str, str], str, bool]]:
    """Each way to arm it, each name that its action carries then, and whether that is code."""
    found = []
    for way in ways(fault):
        aim = config.read(variables_of(fault, way)).aim
        raw = HEAD % int((time.time() + 60) * 1000)
        arrived = Invocation(raw, raw.lower(), lambda: EVENT)
        action = fault.decide(aim.rules[0].options, arrived, 0.5) if aim else None
        for name in carried(action) if action is not None else ():
            found.append((way, name, callable(getattr(action, name))))
    assert found
    return found


PLACES = [(fault, *place) for fault in FAULTS for place in places(fault)]


def named(value: Any) -> str:
    if isinstance(value, Fault):
        return value.name
    if isinstance(value, dict):
        return "_".join(value.values()) or "default"
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(
    ("fault", "way", "name", "code"),
    [place for place in PLACES if place[3]],
    ids=named,
)
@every_kind
def test_a_function_of_an_action_that_fails(
    api: RuntimeApi,
    lines: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    way: dict[str, str],
    name: str,
    code: bool,
    kind: type[Exception],
) -> None:
    monkeypatch.setattr(fault, "decide", spoiling(fault, name, fails(kind)))
    request_id = (streamed if name == "stream" else buffered)(api, armed(api, fault, **way))
    if name == "take" and kind in (OSError, ValueError):
        assert not any(line["event"] == "fault_injected" for line in lines())
        return  # that is how it says that nothing is to be had, which is said once
    one_line(lines, fault, request_id, kind.__name__)


@pytest.mark.parametrize(("fault", "way", "name", "code"), PLACES, ids=named)
def test_an_action_that_carries_nonsense(
    api: RuntimeApi,
    lines: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    way: dict[str, str],
    name: str,
    code: bool,
) -> None:
    monkeypatch.setattr(fault, "decide", spoiling(fault, name, object()))
    request_id = (streamed if name == "stream" else buffered)(api, armed(api, fault, **way))
    one_line(lines, fault, request_id, "")


# -- what it hands on to the answer ---------------------------------------------------------------


REWRITING = sorted({fault.name for fault, _, name, _ in PLACES if name == "whole"})
every_rewriting = pytest.mark.parametrize("name", REWRITING)


def rewriting(
    monkeypatch: pytest.MonkeyPatch, name: str, whole: Any = None, stream: Any = None
) -> Fault:
    """This fault, its action with other functions that get the old ones too."""
    fault = registry.find(name)
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
    lines: Callable[[], list[dict[str, Any]]],
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
    lines: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    def nonsense(old: Callable[[Answer], bool], answer: Answer) -> bool:
        assert answer.http is not None
        answer.http.fields["body"] = object()
        answer.http.changed = True
        return True

    fault = rewriting(monkeypatch, name, whole=nonsense)
    request_id = buffered(api, armed(api, fault))
    one_line(lines, fault, request_id, "TypeError")


@every_rewriting
@every_kind
def test_a_stream_half_prepared_passes_as_it_is(
    api: RuntimeApi,
    lines: Callable[[], list[dict[str, Any]]],
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
    lines: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    kind: type[Exception],
) -> None:
    """Its injection was told when the stream began; the failure is told once, not by piece."""

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
    injected, failure = lines()
    assert injected["event"] == "fault_injected"
    assert (failure["event"], failure["message"]) == ("internal_error", kind.__name__)
    assert failure["request_id"] == invoked.request_id


# -- what stands around the faults ----------------------------------------------------------------


@every_fault
@every_kind
def test_a_matcher_that_fails(
    api: RuntimeApi,
    lines: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    kind: type[Exception],
) -> None:
    monkeypatch.setattr(match.Match, "holds", fails(kind))
    request_id = buffered(api, armed(api, fault, match="Records"))
    one_line(lines, fault, request_id, kind.__name__)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), BrokenPipeError(), MemoryError()])
def test_a_log_that_fails_leaves_the_fault_as_it_is(
    api: RuntimeApi, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def failing(fd: int, data: bytes) -> int:
        raise error

    variables = {"FAULTLAYER_STATUS": "503", "FAULTLAYER_STATUS_WHEN": "after"}
    address = start(api.address, variables)
    monkeypatch.setattr(log, "write", failing)
    invoked = api.invoke(EVENT)
    with Runtime(address) as runtime:
        runtime.turn()
    assert invoked.result().json["statusCode"] == 503


def test_other_faults_act_all_the_same(
    api: RuntimeApi,
    lines: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fault = registry.find("corruption")
    assert fault is not None
    monkeypatch.setattr(fault, "decide", spoiling(fault, "whole", fails(ValueError)))
    variables = {"CORRUPTION": "garble", "HEADERS": '{"x-a":"2"}', "OVERSIZE": "1KB"}
    address = start(api.address, {PREFIX + name: text for name, text in variables.items()})
    invoked = api.invoke(EVENT)
    with Runtime(address) as runtime:
        event = runtime.next()
        assert runtime.respond(event, PAYLOAD).status == 202
    answer = invoked.result().json
    assert answer["headers"]["x-a"] == "2"
    assert answer["body"].rstrip() == "hello"
    assert len(invoked.content) >= 1024
    told = {(line["event"], line["fault"]) for line in lines()}
    assert told == {
        ("internal_error", "corruption"),
        ("fault_injected", "headers"),
        ("fault_injected", "oversize"),
    }


def test_what_failed_is_not_counted(api: RuntimeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = registry.find("headers")
    assert fault is not None
    spoilt = spoiling(fault, "whole", fails(ValueError))
    turns = iter([spoilt, fault.decide])
    monkeypatch.setattr(fault, "decide", lambda *args: next(turns)(*args))
    address = armed(api, fault, headers='{"x-a":"2"}', max="1")
    buffered(api, address)
    invoked = api.invoke(EVENT)
    with Runtime(address) as runtime:
        event = runtime.next()
        assert runtime.respond(event, PAYLOAD).status == 202
    assert invoked.result().content != PAYLOAD
