"""Answers to the shim: names, connections, peers; and messages that are nonsense."""

from __future__ import annotations

import contextlib
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fakes.proxied import soon
from faultlayer.dependencies.resolver import unanswered
from faultlayer.values.hosts import HostList
from faultlayer.vocabulary.disturbances import Late, Unreachable, Unresolved
from proxy.dependencies.redirected import Redirected, exchange, host, sockaddr

TESTS = Path(__file__).resolve().parents[2]
GO_ON = b"F\1D\0"
NAMED = HostList().parse("db.test")


@pytest.fixture(scope="module")
def redirected() -> Redirected:
    return Redirected()


def test_a_process_says_hello(redirected: Redirected) -> None:
    before = redirected.control.heard
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.connect("\0" + redirected.name)
        line.send(b"F\1H\0")
    assert soon(lambda: redirected.control.heard == before + 1)


@pytest.mark.parametrize(
    ("error", "code", "delay"),
    [
        ("nxdomain", socket.EAI_NONAME, 0),
        ("servfail", socket.EAI_AGAIN, 0),
        ("timeout", socket.EAI_AGAIN, unanswered()),
    ],
)
def test_a_lookup_fails(redirected: Redirected, error: str, code: int, delay: int) -> None:
    with redirected.disturbed(Unresolved(error), hosts=NAMED) as (injected,):
        assert redirected.ask(b"F\1R\0other.test") == GO_ON
        answer = redirected.ask(b"F\1R\0DB.test.")
        assert (answer[:4], struct.unpack("=iI", answer[4:])) == (b"F\1E\0", (code, delay))
        assert soon(lambda: injected.told == [{"host": "db.test"}])
    assert redirected.ask(b"F\1R\0db.test") == GO_ON


def test_a_name_that_was_looked_up_is_that_of_its_addresses() -> None:
    redirected = Redirected(NAMED)
    with host() as port:
        assert redirected.asked(port) == ("127.0.0.1", port), "the name is not known"
        redirected.learn("db.test", "127.0.0.1")
        assert redirected.asked(port) != ("127.0.0.1", port)
        with redirected.disturbed(Late(0.1), hosts=NAMED) as (injected,):
            with redirected.connect(port) as client:
                exchange(client, b"x")
            assert soon(lambda: injected.told == [{"host": "db.test", "port": port}])


def test_a_connection_is_refused_by_the_kernel(redirected: Redirected) -> None:
    with host() as port, redirected.disturbed(Unreachable(silent=False)) as (injected,):
        with pytest.raises(ConnectionRefusedError):
            redirected.connect(port)
        with pytest.raises(ConnectionRefusedError):
            redirected.connect(port)
        assert soon(lambda: injected.told == [{"host": "127.0.0.1", "port": port}])


def test_a_connection_is_never_answered(redirected: Redirected) -> None:
    with host() as port, redirected.disturbed(Unreachable(silent=True)):
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            redirected.connect(port, timeout=0.5)
        assert time.monotonic() - began > 0.45


def test_the_peer_of_a_relayed_connection_is_its_host(redirected: Redirected) -> None:
    with host() as port:
        relayed = redirected.asked(port)[1]
        assert redirected.ask(b"F\1P\0" + sockaddr("127.0.0.1", relayed)) == b"F\1T\0" + sockaddr(
            "127.0.0.1", port
        )
        assert redirected.ask(b"F\1P\0" + sockaddr("127.0.0.1", port)) == GO_ON


def test_an_ipv6_socket_is_led_to_the_relay_too(redirected: Redirected) -> None:
    with host() as port:
        mapped = struct.pack("=H", socket.AF_INET6) + struct.pack(">HI", port, 0)
        mapped += bytes(10) + b"\xff\xff" + socket.inet_aton("127.0.0.1") + bytes(4)
        answer = redirected.ask(b"F\1C\0" + mapped)
        assert answer[:4] == b"F\1T\0"
        assert answer[4:6] == mapped[:2]
        assert answer[12:28] == bytes(10) + b"\xff\xff\x7f\0\0\1"


def test_the_runtime_s_own_ports_are_spared() -> None:
    with host() as port:
        redirected = Redirected(spared=frozenset({port}))
        with redirected.disturbed(Unreachable(silent=False)) as (injected,):
            assert redirected.asked(port) == ("127.0.0.1", port)
            assert injected.is_open


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"F",
        b"F\2C\0",
        b"F\1",
        b"F\1C\0",
        b"F\1C\0\2",
        b"F\1C",
        b"F\1P",
        b"F\1C\0\2\0\0\x50\x7f",
        b"F\1P\0\2\0\0\x50\x7f",
        b"F\1C\0\x0a\0\0\x50" + bytes(12),
        b"F\1L\0",
        b"F\1L\0\xff",
        b"F\1L\0\1a\4\x7f",
        b"F\1L\0\0\4\x7f\0\0\1",
        b"F\1R\0\xff\xfe",
        b"F\1Z\0",
        b"G" * 1000,
        b"F\1C\0" + bytes(600),
    ],
)
def test_nonsense_is_answered_by_nothing_and_harms_nobody(
    redirected: Redirected, message: bytes
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.settimeout(5)
        line.connect("\0" + redirected.name)
        line.send(message)
        assert line.recv(100) in (b"", GO_ON)
    with host() as port, redirected.connect(port) as client:
        exchange(client, b"x")


def test_lines_that_ask_nothing_hold_up_nobody(redirected: Redirected) -> None:
    silent = []
    for _ in range(300):
        line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        line.connect("\0" + redirected.name)
        silent.append(line)
    with host() as port, redirected.connect(port) as client:
        assert exchange(client, b"x") < 1
        assert soon(lambda: len(redirected.control._lines) <= 256), "the oldest are closed"
    for line in silent:
        line.close()


def test_a_name_is_learned_before_a_connection_that_came_after_it() -> None:
    """Also if the loop sees both at once."""
    redirected = Redirected(NAMED)
    learned = b"F\1L\0\7db.test\4" + socket.inet_aton("127.0.0.1")
    stopped = threading.Event()
    with host() as port, contextlib.ExitStack() as lines:
        for _ in range(20):
            redirected.control._names.clear()
            teller, asker = (
                lines.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
                for _ in range(2)
            )
            teller.connect("\0" + redirected.name)
            assert soon(lambda: redirected.control._lines), "its question is on the way"
            redirected.loop.at(0, lambda: stopped.wait(0.01))
            redirected.loop.wake()
            teller.send(learned)
            asker.connect("\0" + redirected.name)
            asker.send(b"F\1C\0" + sockaddr("127.0.0.1", port))
            asker.settimeout(5)
            assert asker.recv(100)[:4] == b"F\1T\0"


OUT_OF_DESCRIPTORS = """
import resource, socket, sys, time
sys.path[:0] = sys.argv[1:3]
from proxy.dependencies.redirected import Redirected, sockaddr
redirected = Redirected()
lines = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(20)]
last = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
free = socket.socket().detach()
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
for line in lines:
    line.settimeout(5)
    line.connect("\\0" + redirected.name)
    assert line.recv(100) == b"", "closed at once"
resource.setrlimit(resource.RLIMIT_NOFILE, (free + 50, hard))
last.settimeout(5)
last.connect("\\0" + redirected.name)
last.send(b"F\\1R\\0db.test")
assert last.recv(100) == b"F\\1D\\0"
"""


def test_without_descriptors_a_shim_is_sent_away_and_later_ones_are_answered() -> None:
    command = [sys.executable, "-c", OUT_OF_DESCRIPTORS, TESTS, TESTS.parent / "extension"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_question_that_cannot_be_judged_leaves_the_others(
    redirected: Redirected, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*given: object) -> bool:
        raise KeyError

    with host() as port, monkeypatch.context() as patched:
        patched.setattr(redirected.control, "_is_aimed_at", fail)
        assert redirected.ask(b"F\1C\0" + sockaddr("127.0.0.1", port)) == b""
    with host() as port, redirected.connect(port) as client:
        exchange(client, b"x")


def test_an_ipv4_address_for_a_socket_of_ipv6_alone_is_left_to_the_kernel(
    redirected: Redirected,
) -> None:
    mapped = struct.pack("=H", socket.AF_INET6) + struct.pack(">HI", 80, 0)
    mapped += bytes(10) + b"\xff\xff" + socket.inet_aton("127.0.0.1") + bytes(4)
    assert redirected.ask(b"F\1C\1" + mapped) == GO_ON


def test_a_shim_that_has_left_is_no_injection(redirected: Redirected) -> None:
    """A shim that leaves has waited long enough, and connects by itself."""
    questions = [b"F\1C\0" + sockaddr("127.0.0.1", 9), b"F\1R\0db.test"]
    with (
        redirected.disturbed(Unreachable(silent=False)) as (refused,),
        redirected.disturbed(Unresolved("nxdomain"), hosts=NAMED) as (unresolved,),
    ):
        before = redirected.in_force.missed
        redirected.loop.at(0, lambda: time.sleep(0.3))
        redirected.loop.wake()
        time.sleep(0.05)
        for question in questions:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
                line.connect("\0" + redirected.name)
                line.send(question)
        assert soon(lambda: redirected.in_force.missed == before + 2)
        assert refused.is_open and unresolved.is_open
