"""An extension that is gone, slow or hostile: connections still work."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shimmed import LIBRARY, ROOT, needs_shim, python

from proxy.dependencies.redirected import host, sockaddr

pytestmark = needs_shim
FAST = 2.0  # seconds, with room for a machine that pauses
GO_ON = b"F\1D\0"
_numbers = itertools.count()

# Connects so often, or until that host is reached; prints the host, and the ms that it took.
CONNECTIONS = """
import socket, sys, time
for _ in range(int(sys.argv[2])):
    with socket.socket() as client:
        client.settimeout(5)
        began = time.monotonic()
        try:
            client.connect(("127.0.0.1", int(sys.argv[1])))
            took = time.monotonic() - began
            client.sendall(b"x")
            reached = client.recv(100).decode()
        except OSError as error:
            took, reached = time.monotonic() - began, str(error.errno)
        print(reached, int(took * 1000), flush=True)
    if reached == sys.argv[4]:
        break
    time.sleep(float(sys.argv[3]))
"""
LOOKUPS = """
import socket, sys, time
for _ in range(int(sys.argv[2])):
    began = time.monotonic()
    try:
        found = socket.getaddrinfo("localhost", int(sys.argv[1]), socket.AF_INET)[0][4][0]
    except OSError as error:
        found = error.errno
    print(found, int((time.monotonic() - began) * 1000), flush=True)
"""
Answer = Callable[[socket.socket, bytes], None]


def found(
    name: str, code: str, port: int, times: int, pause: float = 0, until: str = ""
) -> list[tuple[str, int]]:
    """A program's outcomes, each with its time (ms)."""
    lines = python(name, code, port, times, pause, until).splitlines()
    return [(each.split()[0], int(each.split()[1])) for each in lines]


@contextlib.contextmanager
def asked(answer: Answer, name: str = "") -> Iterator[str]:
    """The name of a socket that gives connections and lookups this answer."""
    name = name or f"faultlayer-hostile-{os.getpid()}-{next(_numbers)}"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind("\0" + name)
    listener.listen(64)
    kept = []

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                message = line.recv(1000)
                if message[2:3] in (b"C", b"R"):
                    answer(line, message)
                kept.append(line)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield name
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def in_turn(answers: list[bytes]) -> Answer:
    """Give these answers in turn."""
    left = iter(answers)
    return lambda line, message: line.send(next(left)) and None


def to(port: int, address: str = "127.0.0.1") -> bytes:
    return b"F\1T\0" + sockaddr(address, port)


@contextlib.contextmanager
def two_hosts() -> Iterator[tuple[int, int]]:
    """Two hosts: the program's answers `meant`, and another answers `other`."""

    def saying(text: bytes) -> Callable[[socket.socket], None]:
        def serve(connection: socket.socket) -> None:
            connection.recv(1)
            connection.sendall(text)

        return serve

    with host(saying(b"meant")) as meant, host(saying(b"other")) as other:
        yield meant, other


# -- answers ------------------------------------------------------------------------------------


def test_nonsense_is_no_answer() -> None:
    with two_hosts() as (meant, other):
        good = to(other)
        ipv6 = b"F\1T\0" + struct.pack("=H", socket.AF_INET6) + good[6:8] + bytes(19) + b"\1"
        answers = [
            good,  # so these are asked for
            b"",
            b"F",
            b"F\1T",
            b"F\1T\0",
            b"F\1T\0\2\0",
            good[:-1],
            good + bytes(30),  # longer than an address
            b"G" + good[1:],
            b"F\2" + good[2:],
            b"F\0" + good[2:],
            b"F\1Z\0" + good[4:],
            b"F\1E\0" + bytes(8),
            b"F\1E\0" + struct.pack("=iI", -2, 5000),
            good + bytes(2000),
            bytes(5000),
            to(0),
            to(other, "192.0.2.1"),  # not on loopback
            to(other, "0.0.0.0"),
            ipv6 + bytes(4),
            b"F\1T\0" + bytes(2) + good[6:],
            b"F\1T\0" + b"\1\0" + good[6:],
            good,
        ]
        with asked(in_turn(answers)) as name:
            results = found(name, CONNECTIONS, meant, len(answers))
    for answer, (reached, took) in zip(answers, results, strict=True):
        assert reached == ("other" if answer == good else "meant"), answer
        assert took < 1000


@pytest.mark.usefixtures("localhost")
def test_only_the_errors_of_a_resolver_are_passed_on() -> None:
    def fail(code: int, delay: int = 0) -> bytes:
        return b"F\1E\0" + struct.pack("=iI", code, delay)

    answers = [fail(-2), fail(-3, 300), fail(-2)[:-1], fail(-2) + b"\0", to(1), b"F\1E\0"]
    answers += [fail(code, 5000) for code in (0, 2, 1 << 30, -1, -11, -(1 << 31))]
    answers += [fail(-4)]
    with asked(in_turn(answers)) as name:
        results = found(name, LOOKUPS, 80, len(answers))
    assert [result for result, _ in results] == ["-2", "-3"] + ["127.0.0.1"] * 10 + ["-4"]
    assert results[1][1] >= 300
    assert all(took < 1000 for _, took in results)


@pytest.mark.parametrize("kind", ["closes", "floods", "answers twice"])
def test_a_line_that_is_closed_or_flooded(kind: str) -> None:
    def answer(line: socket.socket, message: bytes) -> None:
        line.setblocking(False)
        if kind == "answers twice":
            line.send(GO_ON)
            line.send(to(1))
        while kind == "floods":
            line.send(b"x" * 2000)
        line.close()

    with two_hosts() as (meant, _), asked(answer) as name:
        results = found(name, CONNECTIONS, meant, 40)
    assert [reached for reached, _ in results] == ["meant"] * 40
    assert sum(took for _, took in results) < 1000, "and it is not waited for"


# -- time ---------------------------------------------------------------------------------------


def test_an_answer_is_waited_for_but_not_for_long() -> None:
    with two_hosts() as (meant, other):
        delays = iter([0.01, 0.01, 1.5])

        def answer(line: socket.socket, message: bytes) -> None:
            time.sleep(next(delays))
            line.send(to(other))

        with asked(answer) as name:
            results = found(name, CONNECTIONS, meant, 3)
    reached = [each for each, _ in results]
    assert "other" in reached[:2]
    assert reached[2] == "meant"
    assert 40 <= results[2][1] < 1000, "50 ms, and more only if the machine pauses"


def test_a_machine_that_pauses_is_no_silence_of_the_extension() -> None:
    """A used-up share of a CPU, or a freeze, stops both sides."""
    with two_hosts() as (meant, other):

        def answer(line: socket.socket, message: bytes) -> None:
            credentials = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            asking = struct.unpack("=iII", credentials)[0]
            os.kill(asking, signal.SIGSTOP)
            time.sleep(0.2)
            os.kill(asking, signal.SIGCONT)
            time.sleep(0.01)
            line.send(to(other))

        with asked(answer) as name:
            reached = [each for each, _ in found(name, CONNECTIONS, meant, 3)]
    assert reached.count("other") >= 2


def test_an_extension_that_stays_silent_is_left_alone_and_asked_again_later() -> None:
    with two_hosts() as (meant, other):
        questions = 0

        def answer(line: socket.socket, message: bytes) -> None:
            nonlocal questions
            questions += 1

        with asked(answer) as name:
            results = found(name, CONNECTIONS, meant, 40)
            assert [reached for reached, _ in results] == ["meant"] * 40
            assert 3 <= questions < 10
            assert sum(took for _, took in results) < 1500, "not 40 times 50 ms"
        began = time.monotonic()

        def later(line: socket.socket, message: bytes) -> None:
            if time.monotonic() > began + 0.5:
                line.send(to(other))

        with asked(later) as name:
            results = found(name, CONNECTIONS, meant, 200, 0.05, "other")
            assert {reached for reached, _ in results[:2]} == {"meant"}
            assert results[-1][0] == "other", "it answers again"


@pytest.mark.parametrize("name", ["", "nobody-listens-there", "x" * 300])
def test_nobody_to_ask(name: str) -> None:
    with two_hosts() as (meant, _):
        results = found(name, CONNECTIONS, meant, 40)
        assert [reached for reached, _ in results] == ["meant"] * 40
        assert sum(took for _, took in results) < 1500


def test_a_full_backlog_holds_up_nobody_for_long() -> None:
    name = f"faultlayer-full-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener, two_hosts() as (port, _):
        listener.bind("\0" + name)
        listener.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            filler.setblocking(False)
            filler.connect_ex("\0" + name)
            fillers.append(filler)
        results = found(name, CONNECTIONS, port, 40)
        assert [reached for reached, _ in results] == ["meant"] * 40
        assert sum(took for _, took in results) < 1500


def test_stopped_and_killed_in_the_middle_connections_go_on() -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[1:3]\n"
        "from proxy.dependencies.redirected import Redirected\n"
        "import time; print(Redirected().name, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(ROOT / "tests"), str(ROOT / "extension")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        try:
            assert service.stdout is not None
            name = service.stdout.readline().strip()
            with two_hosts() as (meant, _):
                assert found(name, CONNECTIONS, meant, 1)[0][0] == "meant"
                service.send_signal(signal.SIGSTOP)
                (reached, took), *_ = found(name, CONNECTIONS, meant, 1)
                assert (reached, took >= 40) == ("meant", True), "direct after 50 ms"
                service.kill()
                service.wait(10)
                (reached, took), *_ = found(name, CONNECTIONS, meant, 1)
                assert (reached, took < 1000) == ("meant", True)
        finally:
            service.kill()


# -- who may answer -----------------------------------------------------------------------------

SQUATTER = """
import os, socket, sys, threading
os.setuid(int(sys.argv[3]))
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind("\\0" + sys.argv[1])
listener.listen(64)
print("ready", flush=True)
while True:
    line, _ = listener.accept()
    if line.recv(1000)[2:3] == b"C":
        line.send(bytes.fromhex(sys.argv[2]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be two users")
def test_only_root_and_the_same_user_may_answer() -> None:
    with tempfile.TemporaryDirectory() as folder, two_hosts() as (meant, other):
        library = Path(folder) / "shim.so"
        shutil.copy(LIBRARY, library)
        for path, mode in ((Path(folder), 0o755), (library, 0o755)):
            path.chmod(mode)
        for user, reached in ((0, "other"), (65534, "other"), (12345, "meant")):
            name = f"faultlayer-squatter-{os.getpid()}-{user}"
            squatter = [sys.executable, "-c", SQUATTER, name, to(other).hex(), str(user)]
            with subprocess.Popen(squatter, stdout=subprocess.PIPE) as process:
                try:
                    assert process.stdout is not None
                    assert process.stdout.readline() == b"ready\n"
                    code = f"import os, socket\nos.setuid(65534)\n{CONNECTIONS}"
                    results = python(name, code, meant, 1, 0, "", LD_PRELOAD=str(library))
                    assert results.split()[0] == reached, user
                finally:
                    process.kill()
