"""Bugs put into faults, and invocations that nothing of that may touch."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fakes.proxied import Address, log_lines, start
from fakes.runtime import HTTP_STREAM, Runtime
from fakes.runtime_api import RuntimeApi
from fakes.turns import NULS, PAYLOAD, PRELUDE
from faultlayer.faults import all_faults
from faultlayer.settings.variables import read_environment
from faultlayer.vocabulary.actions import BEFORE, Action, Crash, NotApplicable
from faultlayer.vocabulary.invocation import Invocation
from faultlayer.vocabulary.registry import PREFIX, Fault

FAULTS = [fault for fault in all_faults() if not fault.begin]
RECORD = {"body": "{}", "attributes": {}, "eventSource": "aws:sqs"}
RECORDS = [{"messageId": f"m{number}", **RECORD} for number in range(5)]
HEAD = (
    b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 8476a536\r\n"
    b"Lambda-Runtime-Deadline-Ms: %d\r\n\r\n"
)
FRONT = {"requestContext": {"http": {"method": "GET"}}}
EVENT = json.dumps({**FRONT, "Records": RECORDS}).encode()  # one that every fault applies to
KINDS = [ValueError, MemoryError, RecursionError, OSError]
SHARED = ("when", "numbers")  # what every action has

every_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
Lines = Callable[[], "list[dict[str, Any]]"]
Decide = Callable[..., "Action | None"]


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    with RuntimeApi() as server:
        yield server
    assert not server.errors
    assert not server.doubled
    assert not server.refused


@pytest.fixture
def lines(capfd: pytest.CaptureFixture[str]) -> Lines:
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


def one_line(lines: Lines, fault: Fault, request_id: str, kind: str) -> None:
    """The failure was told, once, and nothing else, no injection above all."""
    (line,) = lines()
    assert (line["level"], line["event"]) == ("error", "internal_error")
    assert line["message"] == kind or not kind
    assert (line["fault"], line["request_id"]) == (fault.name, request_id)


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
        chooser = read_environment(variables_of(fault, way)).chooser
        raw = HEAD % int((time.time() + 60) * 1000)
        arrived = Invocation(raw, raw.lower(), lambda: EVENT)
        action = fault.decide(chooser.rules[0].options, arrived, 0.5) if chooser else None
        if action is None or isinstance(action, NotApplicable):
            continue
        for name in carried(action):
            found.append((way, name, callable(getattr(action, name))))
    assert found
    return found


# What disturbs connections is carried out where they are: tests/proxy/dependencies tries it there.
PLACES = [(fault, *place) for fault in FAULTS if not fault.aims_at_hosts for place in places(fault)]


def named(value: Any) -> str:
    if isinstance(value, Fault):
        return value.name
    if isinstance(value, dict):
        return "_".join(value.values()) or "default"
    return value if isinstance(value, str) else ""
