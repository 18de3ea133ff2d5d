"""A fault whose own code fails leaves the invocation as it was, and says so in one line.

Bugs are put into every fault of the registry: into `decide`, into each function that its actions
carry, into the values that they carry, and into what stands around the faults: the matcher and
the log. `test_failing_answers.py` has what they hand on to the answer.
"""

from __future__ import annotations

import errno

import pytest
from failing import (
    EVENT,
    PLACES,
    Lines,
    api,
    armed,
    buffered,
    carried,
    every_fault,
    every_kind,
    fails,
    lines,
    named,
    one_line,
    spoiling,
    streamed,
    variables_of,
)

from fakes.proxied import Address, serve, start
from fakes.runtime import Runtime
from fakes.runtime_api import RuntimeApi
from fakes.turns import PAYLOAD
from faultlayer import log
from faultlayer.acting.cold_start import Start
from faultlayer.events import match
from faultlayer.faults import all_faults, find_fault
from faultlayer.settings.variables import read_environment
from faultlayer.startup.listener import LOOPBACK, listen
from faultlayer.vocabulary.registry import PREFIX, Fault

__all__ = ["api", "lines"]  # fixtures


# -- the fault's own code -------------------------------------------------------------------------


@every_fault
@every_kind
def test_a_decision_that_fails(
    api: RuntimeApi,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    kind: type[Exception],
) -> None:
    monkeypatch.setattr(fault, "decide", fails(kind))
    address = armed(api, fault)
    for invocation in (buffered, streamed):
        request_id = invocation(api, address)
        one_line(lines, fault, request_id, kind.__name__)


@pytest.mark.parametrize(
    ("fault", "way", "name", "code"),
    [place for place in PLACES if place[3]],
    ids=named,
)
@every_kind
def test_a_function_of_an_action_that_fails(
    api: RuntimeApi,
    lines: Lines,
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
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    way: dict[str, str],
    name: str,
    code: bool,
) -> None:
    monkeypatch.setattr(fault, "decide", spoiling(fault, name, object()))
    request_id = (streamed if name == "stream" else buffered)(api, armed(api, fault, **way))
    one_line(lines, fault, request_id, "")


STARTS = [fault for fault in all_faults() if fault.begin]


def started(api: RuntimeApi, fault: Fault, way: dict[str, str]) -> Address:
    """A proxy with a fault that hits the start of an environment, as `main` makes one."""
    settings = read_environment(variables_of(fault, way))
    assert settings.chooser is not None
    listener, port = listen(0)
    serve(listener, api.address, settings, Start(settings.chooser))
    return LOOPBACK, port


@pytest.mark.parametrize("fault", STARTS, ids=lambda fault: fault.name)
@every_kind
def test_a_start_whose_decision_fails(
    api: RuntimeApi,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    kind: type[Exception],
) -> None:
    monkeypatch.setattr(fault, "begin", fails(kind))
    buffered(api, started(api, fault, {}))
    (line,) = lines()
    assert (line["event"], line["message"]) == ("internal_error", kind.__name__)
    assert (line["fault"], line["phase"]) == (fault.name, "init")


@pytest.mark.parametrize("main", ["3s", "error"])
@pytest.mark.parametrize("name", ["seconds", "error_type", "message"])
def test_a_start_that_carries_nonsense(
    api: RuntimeApi, lines: Lines, monkeypatch: pytest.MonkeyPatch, main: str, name: str
) -> None:
    fault = find_fault("init")
    assert fault is not None and fault.begin is not None
    action = fault.begin(read_environment({"FAULTLAYER_INIT": main}).chooser.starts[0].options, 0.5)  # type: ignore[union-attr]
    if action is None or name not in carried(action):
        return
    setattr(action, name, object())
    monkeypatch.setattr(fault, "begin", lambda *args: action)
    buffered(api, started(api, fault, {fault.main.name: main}))
    (line,) = lines()
    assert (line["event"], line["fault"], line["phase"]) == ("internal_error", "init", "init")


# -- what stands around the faults ----------------------------------------------------------------


@every_fault
@every_kind
def test_a_matcher_that_fails(
    api: RuntimeApi,
    lines: Lines,
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
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fault = find_fault("corruption")
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
    # A proxy of an earlier test may still have something to say.
    ours = [line for line in lines() if line.get("request_id") == invoked.request_id]
    assert {(line["event"], line["fault"]) for line in ours} == {
        ("internal_error", "corruption"),
        ("fault_injected", "headers"),
        ("fault_injected", "oversize"),
    }


def test_what_failed_is_not_counted(api: RuntimeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = find_fault("headers")
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
