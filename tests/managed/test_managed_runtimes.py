"""Every fault with AWS's own clients, each serving several invocations at once."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import pytest
from instance import Managed
from parallel_clients import CLIENTS, Client
from test_managed_instances import allowed

import machine
from fakes.proxied import soon
from faultlayer.faults import all_faults, fault_names
from faultlayer_cli.errors import Failure
from runtimes import builds

__all__ = ["allowed"]
pytestmark = pytest.mark.whole

WORKERS = 4
SQS = {"Records": [{"messageId": "m", "eventSource": "aws:sqs"}]}
UNAVAILABLE = b"Runtime.Unavailable"  # no worker waits for an event at this moment
ENDED = {"Runtime.ExitError", "Client.ExecutionEnvironmentUnhealthy"}


class Start(Protocol):
    def __call__(self, **variables: str) -> Managed: ...


def one_worker(client: Client) -> Any:
    """A client's tests run in one worker, which builds it while others work."""
    name = client.language.name
    return pytest.param(client, id=name, marks=pytest.mark.xdist_group(f"managed-{name}"))


@pytest.fixture(params=map(one_worker, CLIENTS))
def start(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Start]:
    """Start the example on this client; everything is stopped at the end of the test."""
    client: Client = request.param
    with ExitStack() as stack:

        def started(**variables: str) -> Managed:
            scratch = tmp_path_factory.mktemp(client.language.name)
            try:
                return stack.enter_context(client.start(WORKERS, scratch, print, **variables))
            except (Failure, builds.Unavailable) as error:
                machine.lacks(f"{client.language.title}: {error}")

        yield started


@dataclass
class Got:
    """One invocation, the caller's answer, and how often the handler ran."""

    request_id: str
    body: bytes
    seconds: float
    ran: int = 0

    @property
    def answer(self) -> Any:
        return json.loads(self.body)

    @property
    def told(self) -> Any:
        """What the function says of itself."""
        return json.loads(self.answer["body"])


def invoke(function: Managed, event: dict[str, Any], request_id: str) -> Got:
    """Invoke, again while no worker is free: such an attempt reaches nobody."""
    begun = time.monotonic()
    while True:
        answer = function.invoke(json.dumps(event).encode(), {"X-Amzn-RequestId": request_id})
        if UNAVAILABLE not in answer.body or time.monotonic() > begun + 15:
            return Got(request_id, answer.body, time.monotonic() - begun)
        time.sleep(0.01)


def ran(function: Managed, request_id: str) -> int:
    """How often the handler saw it. The answer can be here before the lines printed before it."""
    soon(lambda: f"REPORT RequestId: {request_id}" in function.log, 3)
    return len(re.findall(f"HANDLER RAN {request_id}", function.log))


# -- what a caller sees of each fault ----------------------------------------------------------


def plain(got: Got) -> None:
    """The function's own answer to this very invocation."""
    assert got.answer["statusCode"] == 200
    assert got.told["request_id"] == got.request_id
    assert got.ran == 1


def late(got: Got) -> None:
    plain(got)
    assert got.seconds >= 0.4


def again(got: Got) -> None:
    assert got.told["request_id"] == got.request_id
    assert got.ran == 3


def damaged(got: Got) -> None:
    assert got.told["filler"] == 5


def failed(runs: int) -> Callable[[Got], None]:
    def check(got: Got) -> None:
        assert (got.answer["errorType"], got.answer["errorMessage"]) == ("OrderError", "none")
        assert got.ran == runs

    return check


def refused(runs: int) -> Callable[[Got], None]:
    def check(got: Got) -> None:
        assert got.answer["statusCode"] == 503
        assert got.ran == runs

    return check


def truncated(got: Got) -> None:
    assert got.answer["statusCode"] == 200
    with pytest.raises(ValueError, match=r"."):
        json.loads(got.answer["body"])


def with_header(got: Got) -> None:
    assert got.answer["headers"]["x-fault"] == "on"


def reported(got: Got) -> None:
    assert got.answer["batchItemFailures"] == [{"itemIdentifier": "m"}]


def padded(got: Got) -> None:
    assert len(got.body) == 100 << 10


CASES: dict[str, tuple[dict[str, Any], Callable[[Got], None]]] = {
    "latency": ({"delay": "400ms"}, late),
    "latency after": ({"delay": "400ms", "when": "after"}, late),
    "timeout": ({"margin": "898s"}, late),  # the emulator tells a deadline 15 minutes ahead
    "disk": ({"amount": "1MB"}, plain),
    "memory": ({"amount": "2MB"}, plain),
    "cpu": ({"cores": 1}, plain),
    "event": ({"changes": {"filler": "abcde"}}, damaged),
    "duplicate": ({"times": 3}, again),
    "exception": ({"message": "OrderError: none"}, failed(0)),
    "exception after": ({"message": "OrderError: none", "when": "after"}, failed(1)),
    "status": ({"code": 503}, refused(0)),
    "status after": ({"code": 503, "when": "after"}, refused(1)),
    "corruption": ({"mode": "truncate"}, truncated),
    "headers": ({"headers": {"x-fault": "on"}}, with_header),
    "batch": ({"share": 1}, reported),
    "oversize": ({"size": "100KB"}, padded),
}
ENVIRONMENT = {"crash", "init", "env"}  # these hit the whole environment: tests of their own
# Those of connections are in force for all invocations: tests/shim and tests/proxy/dependencies.
CONNECTIONS = {fault.name for fault in all_faults() if fault.aims_at_hosts}


def test_no_fault_is_left_out() -> None:
    assert {name.split()[0] for name in CASES} | ENVIRONMENT | CONNECTIONS == set(fault_names())


def test_each_hits_its_own_invocation_among_others_and_no_answer_is_lost(start: Start) -> None:
    rules = [
        {"fault": name.split()[0], **values, "match": {"hit": name}}
        for name, (values, _) in CASES.items()
    ]
    function = start(FAULTLAYER_PLAN=json.dumps({"faults": rules}))
    wanted: list[tuple[str, dict[str, Any]]] = [("", {})]
    for name in CASES:
        event = {"hit": name, **(SQS if name == "batch" else {})}
        wanted += [(name, event), ("", {})]
    ids = [str(uuid.UUID(int=number)) for number in range(len(wanted))]
    with ThreadPoolExecutor(WORKERS) as callers:
        results = list(
            callers.map(
                lambda one: invoke(function, one[0][1], one[1]),
                zip(wanted, ids, strict=True),
            )
        )
    expected = sorted((name.split()[0], one) for (name, _), one in zip(wanted, ids) if name)
    lines = function.lines("fault_injected", least=len(expected))
    assert sorted((line["fault"], line["request_id"]) for line in lines) == expected
    assert len(function.lines()) == len(expected), function.lines()
    for (name, _), got in zip(wanted, results, strict=True):
        got.ran = ran(function, got.request_id)
        check = CASES[name][1] if name else plain
        try:
            check(got)
        except Exception as error:
            raise AssertionError(f"{name or 'no fault'}: {got}") from error


def test_an_invocation_held_past_its_end_leaves_the_others_alone(start: Start) -> None:
    function = start(timeout="3", FAULTLAYER_TIMEOUT="0", FAULTLAYER_TIMEOUT_MATCH="hit")
    ids = [str(uuid.UUID(int=number)) for number in range(8)]
    for number, one in enumerate(ids):
        got = invoke(function, {"hit": 1} if number == 2 else {}, one)
        got.ran = ran(function, one)
        if number == 2:
            assert got.answer["errorType"] == "Sandbox.Timedout"
            assert got.ran == 0
        else:
            plain(got)
    assert [line["request_id"] for line in function.lines("fault_injected")] == ids[2:3]


@pytest.mark.parametrize("moment", ["before", "during"])
def test_a_crash_comes_when_it_is_due_and_ends_the_environment(start: Start, moment: str) -> None:
    """During: as the function answers. It is done with its work then, and the answer is lost."""
    function = start(
        FAULTLAYER_CRASH=moment,
        FAULTLAYER_CRASH_AFTER="15s",
        FAULTLAYER_CRASH_MATCH="hit",
    )
    plain_id, hit = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
    got = invoke(function, {}, plain_id)
    got.ran = 1
    plain(got)
    got = invoke(function, {"hit": 1}, hit)
    assert got.answer["errorType"] in ENDED, got
    assert got.seconds < 12
    assert soon(function.ended, 15), "the emulator ends with its only environment"
    assert ran(function, hit) == (moment == "during")
    assert [line["fault"] for line in function.lines("fault_injected")] == ["crash"]


def test_a_start_that_is_slow_or_has_a_wrong_configuration(start: Start) -> None:
    function = start(FAULTLAYER_INIT="1s")
    got = invoke(function, {}, str(uuid.UUID(int=1)))
    got.ran = 1
    plain(got)
    assert [line["fault"] for line in function.lines("fault_injected")] == ["init"]
    function.stop()
    wrong = start(FAULTLAYER_ENV='{"FAIL_AT_START":"no table"}')
    assert soon(lambda: "no table" in wrong.log or wrong.ended())
    assert "no table" in wrong.log
    assert [line["fault"] for line in wrong.lines("fault_injected")] == ["env"]
