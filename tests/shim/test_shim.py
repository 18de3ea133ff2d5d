"""The shim in real programs: connections and lookups are led, and nothing else changes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from shimmed import LIBRARY, ROOT, environment, needs_shim, python, run

from faultlayer.values.hosts import HostList
from faultlayer.vocabulary.disturbances import Late, Unreachable, Unresolved
from proxy.dependencies.redirected import LOCAL, Redirected, host

pytestmark = needs_shim
FAST = 2.0  # seconds, with room for a machine that pauses

CONNECT = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2) as client:
        client.sendall(b"hello"); print(client.recv(5).decode(), client.getpeername()[1])
except OSError as error:
    print(type(error).__name__, error.errno)
"""


@pytest.fixture(scope="module")
def redirected() -> Redirected:
    return Redirected()


def test_a_connection_passes_and_its_peer_is_the_host(redirected: Redirected) -> None:
    with host() as port:
        assert python(redirected.name, CONNECT, "127.0.0.1", port) == f"hello {port}"
        assert python(redirected.name, CONNECT, "localhost", port) == f"hello {port}"


def test_each_error_is_the_kernel_s_or_the_resolver_s(redirected: Redirected) -> None:
    with host() as port:
        with redirected.disturbed(Unreachable(silent=False)):
            assert python(redirected.name, CONNECT, "127.0.0.1", port).startswith(
                "ConnectionRefusedError 111"
            )
        with redirected.disturbed(Unreachable(silent=True)):
            assert python(redirected.name, CONNECT, "127.0.0.1", port).startswith("TimeoutError")
        for error, code in (("nxdomain", socket.EAI_NONAME), ("servfail", socket.EAI_AGAIN)):
            with redirected.disturbed(Unresolved(error)):
                told = python(redirected.name, CONNECT, "localhost", port)
                assert told == f"gaierror {code}"
        with redirected.disturbed(Late(0.2)) as (injected,):
            assert python(redirected.name, CONNECT, "127.0.0.1", port) == f"hello {port}"
            assert injected.told


OTHERS = """
import socket, sys, asyncio, threading, os, ctypes
port = int(sys.argv[1])
async def one():
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"x"); await writer.drain(); assert await reader.read(1) == b"x"
    writer.close()
async def many(): await asyncio.gather(*(one() for _ in range(20)))
asyncio.run(many())
def thread():
    for _ in range(5):
        with socket.create_connection(("localhost", port)) as s:
            s.sendall(b"y"); assert s.recv(1) == b"y"
threads = [threading.Thread(target=thread) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
children = []
for _ in range(4):
    pid = os.fork()
    if not pid:
        thread(); os._exit(0)
    children.append(pid)
assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
    s.connect(("::ffff:127.0.0.1", port)); s.sendall(b"z"); assert s.recv(1) == b"z"
    assert s.getpeername()[:2] == ("::ffff:127.0.0.1", port)
assert socket.gethostbyname("localhost") == "127.0.0.1"
libc = ctypes.CDLL(None, use_errno=True)
ctypes.set_errno(77)
assert libc.connect(-1, None, 0) == -1 and ctypes.get_errno() == 9
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp: udp.connect(("127.0.0.1", port))
with socket.socket(socket.AF_UNIX) as unix:
    try: unix.connect("/no/such/socket")
    except FileNotFoundError: pass
    else: raise SystemExit("connected")
print("fine")
"""


def test_threads_forks_events_and_other_families(redirected: Redirected) -> None:
    with host() as port:
        assert python(redirected.name, OTHERS, port) == "fine"


def test_children_have_it_too(redirected: Redirected) -> None:
    before = redirected.control.heard
    with host() as port:
        code = (
            "import subprocess, sys\n"
            "child = [sys.executable, '-c', sys.argv[1], '127.0.0.1', sys.argv[2]]\n"
            "sys.exit(subprocess.run(child).returncode)"
        )
        assert python(redirected.name, code, CONNECT, port) == f"hello {port}"
    assert redirected.control.heard >= before + 2


INTERRUPTED = """
import signal, socket, sys
signal.signal(signal.SIGALRM, lambda *args: None)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
for _ in range(300):
    with socket.create_connection(("localhost", int(sys.argv[1])), timeout=5) as s:
        s.sendall(b"x"); assert s.recv(1) == b"x"
signal.setitimer(signal.ITIMER_REAL, 0)
print("fine")
"""


def test_signals_in_the_middle(redirected: Redirected) -> None:
    with host() as port:
        assert python(redirected.name, INTERRUPTED, port) == "fine"


# -- an extension that is gone, slow or hostile -------------------------------------------------


@pytest.mark.parametrize("name", ["", "nobody-listens-there", "x" * 300])
def test_nobody_to_ask(name: str) -> None:
    with host() as port:
        began = time.monotonic()
        assert python(name, CONNECT, "localhost", port) == f"hello {port}"
        assert time.monotonic() - began < FAST


def answering(answer: bytes | None, delay: float = 0.0) -> tuple[str, socket.socket]:
    """A socket that answers every question so; None: never."""
    name = f"faultlayer-hostile-{time.monotonic_ns()}"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind("\0" + name)
    listener.listen(64)
    kept = []

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
                line.recv(1000)
                time.sleep(delay)
                if answer is not None:
                    line.send(answer)
            except OSError:
                if listener.fileno() < 0:
                    return
            kept.append(line)

    threading.Thread(target=serve, daemon=True).start()
    return name, listener


SIX = b"F\1T\0" + b"\x0a\x00" + bytes(26)  # an IPv6 address for an IPv4 socket
ANSWERS = [
    None,
    b"",
    b"F",
    b"F\1",
    b"G\1T\0",
    b"F\1T\0",
    b"F\1T\0\2\0",
    SIX,
    b"F\1Z\0",
    bytes(2000),
]
FAILS = [b"F\1E\0", b"F\1E\0" + bytes(8), b"F\1E\0\1\0\0\0" + bytes(4), b"F\1E\0" + b"\xff" * 300]


@pytest.mark.parametrize("answer", ANSWERS + FAILS + [SIX, bytes(2000)])
def test_nonsense_is_no_answer(answer: bytes | None) -> None:
    name, listener = answering(answer)
    with host() as port, listener:
        began = time.monotonic()
        assert python(name, CONNECT, "localhost", port) == f"hello {port}"
        assert time.monotonic() - began < FAST


def test_a_full_backlog_holds_up_nobody_for_long() -> None:
    name = f"faultlayer-full-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener, host() as port:
        listener.bind("\0" + name)
        listener.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            filler.setblocking(False)
            filler.connect_ex("\0" + name)
            fillers.append(filler)
        began = time.monotonic()
        assert python(name, CONNECT, "127.0.0.1", port) == f"hello {port}"
        assert time.monotonic() - began < FAST


def test_killed_in_the_middle_new_connections_go_direct(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[1:3]\n"
        "from proxy.dependencies.redirected import Redirected\n"
        "import time; print(Redirected().name, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(ROOT / "tests"), str(ROOT / "extension")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service, host() as port:
        try:
            assert service.stdout is not None
            name = service.stdout.readline().strip()
            script = CONNECT + "\nsys.stdout.flush(); sys.stdin.readline()\n" + CONNECT
            with subprocess.Popen(
                [sys.executable, "-c", script, "127.0.0.1", str(port)],
                env=environment(name),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            ) as client:
                assert client.stdout is not None and client.stdin is not None
                assert client.stdout.readline().strip() == f"hello {port}"
                stop(service.pid)
                client.stdin.write("\n")
                client.stdin.flush()
                assert client.stdout.readline().strip() == f"hello {port}", "direct after 50 ms"
        finally:
            service.kill()  # a stopped process ends by nothing else


def stop(pid: int) -> None:
    """Stop a process, and wait until none of its threads runs."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        states = [file.read_text().rpartition(")")[2].split()[0] for file in tasks(pid)]
        if set(states) <= {"T", "t"}:
            return
        time.sleep(0.01)
    raise TimeoutError(f"process {pid} did not stop")


def tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").glob("*/stat"))


# -- other libraries, other C libraries ---------------------------------------------------------


def test_what_is_preloaded_already_stays(redirected: Redirected, tmp_path: Path) -> None:
    if not shutil.which("cc"):
        pytest.skip("needs a C compiler")
    source = tmp_path / "other.c"
    source.write_text(
        "#include <stdlib.h>\n__attribute__((constructor)) static void on(void)"
        '{ setenv("OTHER", "loaded", 1); }\n'
    )
    other = tmp_path / "other.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", other, source], check=True)
    with host() as port:
        code = CONNECT + "\nimport os; print(os.environ['OTHER'])"
        for preload in (f"{LIBRARY}:{other}", f"{other}:{LIBRARY}"):
            told = python(redirected.name, code, "127.0.0.1", port, LD_PRELOAD=preload)
            assert told == f"hello {port}\nloaded"


PROGRAM = r"""
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <errno.h>
int main(int count, char **arguments)
{
    struct addrinfo hints, *found;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    int error = getaddrinfo(arguments[1], arguments[2], &hints, &found);
    if (error) {
        printf("lookup %d\n", error);
        return 0;
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    printf("connect %d\n", connect(fd, found->ai_addr, found->ai_addrlen) ? errno : 0);
    return 0;
}
"""


@pytest.mark.parametrize("compiler", ["cc", "musl-gcc"])
def test_c_programs_of_both_c_libraries(
    redirected: Redirected, tmp_path: Path, compiler: str
) -> None:
    if not shutil.which(compiler):
        pytest.skip(f"needs {compiler}")
    source, program = tmp_path / "program.c", tmp_path / "program"
    source.write_text(PROGRAM)
    subprocess.run([compiler, "-o", program, source], check=True)
    with host() as port:
        assert run(redirected.name, program, "localhost", str(port)).stdout == "connect 0\n"
        with redirected.disturbed(Unreachable(silent=False)):
            assert run(redirected.name, program, "localhost", str(port)).stdout == "connect 111\n"
        with redirected.disturbed(Unresolved("nxdomain"), hosts=LOCAL):
            assert run(redirected.name, program, "localhost", str(port)).stdout == "lookup -2\n"


def test_a_question_costs_little(redirected: Redirected) -> None:
    """A host that no rule names: at most 60 us in a quiet moment; here only that it is not ms."""
    code = """
import socket, sys, time
best = 9
for _ in range(100):
    s = socket.socket(); began = time.perf_counter(); s.connect(("127.0.0.1", int(sys.argv[1])))
    best = min(best, time.perf_counter() - began); s.close()
print(best)
"""
    asked = Redirected(HostList().parse("192.0.2.1"))
    with host() as port:
        assert float(python(asked.name, code, port)) < 0.005
