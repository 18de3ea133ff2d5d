"""The proxy if something fails or never ends: the runtime is told, and nothing is kept for ever.

Connections are driven in memory; Lambda answers each whole request with the next of its responses.
"""

from __future__ import annotations

import errno
import json
import time
from types import SimpleNamespace
from typing import Any

import pytest

from fakes.settled import Injections
from faultlayer import proxy as room
from faultlayer.acting import executor
from faultlayer.acting.pending import Pending
from faultlayer.http.framing import check_request, scan
from faultlayer.http.runtime_api import INVOCATION, NEXT
from faultlayer.proxy import Connection, Proxy
from faultlayer.settings.variables import read_environment
from faultlayer.targeting.injection import Chosen
from faultlayer.vocabulary.actions import Action, Alter
from faultlayer.vocabulary.invocation import Invocation
from faultlayer.wire.sockets import Peer
from fuzz.endpoints import End

POLL = NEXT + b"HTTP/1.1\r\nHost: x\r\n\r\n"
RECEIPT = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok"
NO_EVENT = b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno"
_EVENT = (
    b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: %d\r\n"
    b"Lambda-Runtime-Deadline-Ms: %d\r\nContent-Length: 2\r\n\r\n{}"
)


def event(request_id: int, seconds: float = 60) -> bytes:
    return _EVENT % (request_id, (time.time() + seconds) * 1000)


def result(request_id: int) -> bytes:
    line = INVOCATION + b"%d/response HTTP/1.1\r\n" % request_id
    return line + b"Host: x\r\nContent-Length: 2\r\n\r\n{}"


class LambdaEnd(End):
    """Answers each whole request with the next of these."""

    def __init__(self, responses: list[bytes]) -> None:
        super().__init__([], ended=False, hear=self._answer)
        self._responses = responses
        self._held = b""

    def _answer(self, data: bytes) -> None:
        self._held += data
        lowered, length = scan(self._held)
        if lowered and len(self._held) >= len(lowered) + check_request(lowered, length):
            self._held = b""
            self.arrive(self._responses.pop(0))


def made(responses: list[bytes], **faults: str) -> tuple[Proxy, LambdaEnd]:
    """A proxy, with faults given as `LATENCY="1s"` and so on, and the Lambda that it talks to."""
    chooser = read_environment(
        {f"FAULTLAYER_{name}": text for name, text in faults.items()}
    ).chooser
    assert chooser is not None
    proxy = Proxy(("127.0.0.1", 9001), chooser, 9747)
    far = LambdaEnd(responses)
    peer = Peer(far)  # type: ignore[arg-type]
    proxy.pool = SimpleNamespace(get=lambda spare: (peer, False), put=Peer.close)  # type: ignore[assignment]
    return proxy, far


def serve(proxy: Proxy, *requests: bytes, client: End | None = None) -> bytes:
    """What a runtime gets that sends these requests and leaves."""
    client = client or End(list(requests), ended=True)
    proxy.handle(client)  # type: ignore[arg-type]
    return bytes(client.sent)


def failures(capfd: pytest.CaptureFixture[str]) -> list[str]:
    """The messages of the internal errors that were logged."""
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    return [line["message"] for line in lines if line["event"] == "internal_error"]


# -- connections ------------------------------------------------------------------------------


def test_a_runtime_that_cannot_be_watched_is_served_all_the_same(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, _ = made([event(1), RECEIPT], LATENCY="1ms", LATENCY_RATE="0.000000000000001")

    def refuse(*given: Any) -> None:
        raise OSError(errno.ENOSPC, "no more may be watched")

    monkeypatch.setattr(proxy.watch, "add", refuse)
    assert serve(proxy, POLL, result(1)).endswith(RECEIPT)
    assert failures(capfd) == ["OSError"]


def test_without_memory_for_a_connection_it_is_closed_and_others_are_served(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The descriptor kept for its way to Lambda serves the next connection."""
    proxy, _ = made([event(1), RECEIPT], LATENCY="1ms", LATENCY_RATE="0.000000000000001")
    spare = End([], ended=False)
    proxy.pool.spares = []

    def refuse(*given: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("faultlayer.proxy.RuntimeSide", refuse)
        client = End([POLL], ended=False)
        proxy.handle(client, spare)  # type: ignore[arg-type]
    assert (client.sent, client.fileno()) == (b"", -1)
    assert proxy.pool.spares == [spare]
    assert failures(capfd) == ["MemoryError"]
    assert serve(proxy, POLL, result(1)).endswith(RECEIPT)


def test_rules_aim_at_hosts_and_never_at_the_runtime_s_own_way() -> None:
    proxy, _ = made([], CONNECT="refuse", CONNECT_HOSTS="db.example.com:5432", LATENCY="1ms")
    address = bytes((192, 0, 2, 1))
    assert proxy.aims_at("db.example.com", address, 5432)
    assert not proxy.aims_at("db.example.com", address, 443)
    assert not proxy.aims_at("example.com", address, 5432)
    assert proxy.aims_at("db.example.com", address, 5432), "asked again"
    proxy.chooser = made([], CONNECT="refuse", CONNECT_HOSTS="example.com")[0].chooser
    assert not proxy.aims_at("db.example.com", address, 5432), "a live plan has other rules now"
    assert proxy.aims_at("example.com", address, 5432)
    assert proxy.own_ports() == {9001, 9747}


def test_an_actor_that_cannot_be_loaded_leaves_the_other_faults(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Descriptors may be out at the first hit, and a module is a file."""
    proxy, _ = made([event(1)], LATENCY="1ms", EVENT='{"a":1}')
    real = executor.actor_of

    def without_one(kind: type[Action]) -> Any:
        if kind is Alter:
            raise OSError(errno.EMFILE, "Too many open files")
        return real(kind)

    monkeypatch.setattr(executor, "actor_of", without_one)
    assert serve(proxy, POLL).endswith(b"{}")
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    told = {line["fault"]: line["event"] for line in lines}
    assert told == {"event": "internal_error", "latency": "fault_injected"}


def test_a_mistake_of_ours_ends_one_connection_and_no_other(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, _ = made([event(1), RECEIPT], LATENCY="1ms", LATENCY_RATE="0.000000000000001")
    with monkeypatch.context() as patch:
        patch.setattr(Connection, "_on_poll", lambda *given: 1 // 0)
        client = End([POLL], ended=False)
        assert serve(proxy, client=client) == b""
        assert client.fileno() == -1
    assert failures(capfd) == ["ZeroDivisionError"]
    proxy, _ = made([event(1), RECEIPT], LATENCY="1ms", LATENCY_RATE="0.000000000000001")
    assert serve(proxy, POLL, result(1)).endswith(RECEIPT)


def test_a_runtime_for_which_no_thread_is_to_be_had_is_relayed(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its requests pass without faults; the line comes once, each time that it begins."""
    proxy, _ = made([], STATUS="503")
    attempts: list[Exception | None] = [RuntimeError("can't start new thread")] * 2
    attempts += [None, MemoryError()]
    served: list[Any] = []
    relayed: list[Any] = []

    def begin(serve: Any, given: tuple[Any, ...]) -> None:
        error = attempts.pop(0)
        if error is not None:
            raise error
        served.append(given)

    proxy.pool.address = ("127.0.0.1", 9001)
    monkeypatch.setattr(room, "_thread", SimpleNamespace(start_new_thread=begin))
    monkeypatch.setattr(room, "relay", lambda loop, *given: relayed.append(given))
    ends: Any = [("client", "spare"), ("second", "spare"), ("third", "spare"), ("fourth", "spare")]
    loop: Any = None
    for client, spare in ends:
        proxy.come(loop, client, spare)
    assert served == [ends[2]], "the next one finds a thread"
    assert relayed == [(*ends[at], ("127.0.0.1", 9001)) for at in (0, 1, 3)]
    lines = [json.loads(line)["event"] for line in capfd.readouterr().out.splitlines()]
    assert lines == ["relayed"] * 2


# -- invocations ------------------------------------------------------------------------------


def test_more_invocations_than_are_remembered_forget_the_oldest(injections: Injections) -> None:
    most = room._MAX_PENDING
    responses = [event(number) for number in range(most + 1)] + [RECEIPT] * 2
    proxy, _ = made(responses, LATENCY="1ms", LATENCY_WHEN="after")
    got = serve(proxy, *[POLL] * (most + 1), result(0), result(most))
    assert got.endswith(RECEIPT * 2), "the results pass, of the forgotten one too"
    assert list(proxy.pending) == [str(number) for number in range(1, most)]
    assert len(injections.open()) == most - 1, "one is withdrawn, one has happened"
    proxy.end()
    assert not proxy.pending
    assert not injections.open()


def test_invocations_that_lambda_has_ended_are_forgotten_at_the_next_poll(
    injections: Injections,
) -> None:
    responses = [event(1, -60), event(2, -60), event(3), event(4, -60), event(5)]
    proxy, _ = made(responses, LATENCY="1ms", LATENCY_WHEN="after")
    serve(proxy, *[POLL] * 4)
    assert list(proxy.pending) == ["3", "4"], "oldest first"
    assert len(injections.open()) == 2


def test_the_end_of_the_environment_ends_what_is_due_about_its_start() -> None:
    proxy, _ = made([], LATENCY="1ms")
    withdrawn: list[bool] = []
    proxy.start = SimpleNamespace(withdraw=lambda: withdrawn.append(True))  # type: ignore[assignment]
    proxy.end()
    assert withdrawn == [True]


def test_a_runtime_that_leaves_before_it_has_the_event_is_not_killed(
    injections: Injections, capfd: pytest.CaptureFixture[str]
) -> None:
    proxy, _ = made([event(1)], CRASH="during")

    def gone(data: bytes) -> None:
        raise BrokenPipeError(errno.EPIPE, "the runtime has left")

    serve(proxy, client=End([POLL], ended=False, hear=gone))
    assert len(injections.made) == 1
    assert not injections.open(), "withdrawn"
    assert not capfd.readouterr().out, "nothing was injected, and nobody is to be told"


@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
def test_lambda_refuses_the_poll_after_an_invocation_that_the_function_never_saw(
    close: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    refusal = NO_EVENT.replace(b"\r\n", b"\r\n" + close, 1)
    responses = [NO_EVENT, event(1), RECEIPT, refusal, event(2), RECEIPT, NO_EVENT]
    proxy, far = made(responses, EXCEPTION="Late: so late")
    got = serve(proxy, POLL, POLL, POLL)
    assert got == NO_EVENT + (refusal if close else refusal + NO_EVENT), "no event, and each once"
    errors = 1 if close else 2
    assert far.sent.count(b"/error HTTP/1.1") == errors
    assert len(capfd.readouterr().out.splitlines()) == errors


def test_what_is_overdue_and_answered_meanwhile_is_ended_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy, _ = made([], LATENCY="1ms")
    head = event(1, -60)
    pending = Pending(Chosen(Invocation(head, head.lower()), []))
    ended: list[Pending] = []
    monkeypatch.setattr(Pending, "end", ended.append)

    def answered(one: Pending) -> bool:
        proxy.pending.pop(one.request_id, None)  # its result comes on another connection
        return True

    proxy.pending["1"] = pending
    monkeypatch.setattr(Pending, "is_overdue", answered)
    proxy.end_overdue()
    assert not ended
    assert not proxy.pending
