"""The shim in real programs: connections and lookups are led, and nothing else changes."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from shimmed import LIBRARY, needs_shim, python

import machine
from faultlayer.values.hosts import HostList
from faultlayer.vocabulary.disturbances import Late, Unreachable, Unresolved
from proxy.dependencies.redirected import Redirected, echo, host

pytestmark = [needs_shim, pytest.mark.usefixtures("localhost")]

CONNECT = """
import socket, sys
try:
    timeout = float(sys.argv[3]) if len(sys.argv) > 3 else 10
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=timeout) as client:
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
            told = python(redirected.name, CONNECT, "127.0.0.1", port, 0.3)
            assert told.startswith("TimeoutError")
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


BOUND = """
import socket, sys
for address, card, to in (("::1", "", "::1"), ("", "lo", "::1"), ("", "lo", "127.0.0.1")):
    with socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET) as client:
        client.settimeout(5)
        if address:
            client.bind((address, 0))
        if card:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, card.encode())
        client.connect((to, int(sys.argv[1])))
        client.sendall(b"x")
        print(client.recv(1).decode(), client.getpeername()[0] == to, client.getsockname()[0] == to)
"""


def test_a_socket_that_cannot_reach_loopback_connects_by_itself() -> None:
    """The socket is bound to an IPv6 address or a network card."""
    if not socket.has_dualstack_ipv6():
        machine.lacks("IPv6 is switched off here")
    redirected = Redirected(HostList().parse("::1,127.0.0.1"))
    with (
        socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server,
        ThreadPoolExecutor() as pool,
    ):

        def serve() -> None:
            for _ in range(4):  # one connection of the relay leads nowhere
                pool.submit(echo, server.accept()[0])

        threading.Thread(target=serve, daemon=True).start()
        told = python(redirected.name, BOUND, server.getsockname()[1])
        assert told.splitlines() == ["x True True"] * 3


def test_beside_jemalloc(redirected: Redirected) -> None:
    """Many functions preload this library: before or after the shim, either separator."""
    jemalloc = next(Path("/usr/lib").glob("*-linux-gnu/libjemalloc.so.2"), None)
    if jemalloc is None:
        machine.lacks("libjemalloc.so.2 is missing (Debian: apt-get install libjemalloc2)")
    code = CONNECT + "\nprint('libjemalloc' in open('/proc/self/maps').read())"
    with host() as port, redirected.disturbed(Unreachable(silent=False)):
        for preload in (f"{LIBRARY}:{jemalloc}", f"{jemalloc} {LIBRARY}"):
            told = python(redirected.name, code, "127.0.0.1", port, LD_PRELOAD=preload)
            assert told == "ConnectionRefusedError 111\nTrue"


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
