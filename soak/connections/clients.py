"""A client: a process with the shim, whose connections pass the relay.

`python -m soak.connections.clients PORT` reads numbers of connections, a line for each invocation.
For each connection it writes `[number, ending, right bytes, seconds, past the relay?]`.
"""

from __future__ import annotations

import ctypes
import json
import platform
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from soak.connections.contacts import HALF, NAME, NAMED, SILENT, Contact, contact
from soak.wire import no_delay

_THREADS = 12
_PATIENCE = 30.0  # seconds
_UNANSWERED = 0.5  # seconds that a connection to SILENT is waited for
_GETPEERNAME = {"x86_64": 52, "aarch64": 205}[platform.machine()]
_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
_GARBAGE = b"\x00\xff" * 32

Outcome = tuple[int, str, int, float, bool]
_system_call = ctypes.CDLL(None).syscall


def _is_direct(sock: socket.socket, address: str) -> bool:
    """True if the peer is the host itself, not the relay.

    The kernel is asked, since the shim hides the relay.
    """
    peer, size = ctypes.create_string_buffer(16), ctypes.c_uint(16)
    _system_call(_GETPEERNAME, sock.fileno(), peer, ctypes.byref(size))
    return socket.inet_ntoa(peer.raw[4:8]) == address


def made(one: Contact, port: int) -> Outcome:
    """Make this connection; return its ending."""
    began = time.monotonic()
    got, direct = bytearray(), [False]
    try:
        ending = _talk(one, port, got, direct)
    except socket.gaierror:
        ending = "no name"
    except ConnectionRefusedError:
        ending = "refused"
    except (ConnectionResetError, BrokenPipeError):
        ending = "reset"
    except TimeoutError:
        ending = "silent" if time.monotonic() - began < _PATIENCE / 2 else "no end"
    except OSError as error:
        ending = f"{type(error).__name__}: {error}"
    took = time.monotonic() - began
    whole = b"".join(one.response(turn) for turn in range(one.turns))
    if got == whole and ending == "end":
        ending = "whole"
    elif bytes(got) in (_ALERT, _GARBAGE):
        ending = "alert" if bytes(got) == _ALERT else "garbage"
        got.clear()
    elif not whole.startswith(got):
        ending = "wrong bytes"
    return one.number, ending, len(got), took, direct[0]


def _talk(one: Contact, port: int, got: bytearray, direct: list[bool]) -> str:
    """Talk to the host; received bytes go to `got`."""
    address = (NAME if one.host == NAMED else one.host, port)
    family, kind, protocol, _, target = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as sock:
        sock.settimeout(_UNANSWERED if one.host == SILENT else _PATIENCE)
        sock.connect(target)
        direct[0] = _is_direct(sock, one.host)
        no_delay(sock).settimeout(_PATIENCE)
        try:
            for turn in range(one.turns):
                start = one.begin + one.head() if not turn else b""
                sock.sendall(start + one.request(turn))
                last = turn + 1 == one.turns
                if last and one.kind == HALF:
                    _end(sock)
                if not _receive(sock, got, (turn + 1) * one.answer):
                    return "end"
        except (ConnectionResetError, BrokenPipeError):
            _receive(sock, got, 1 << 40)  # what came before the reset
            raise
        # All has come: then the end, or what the fault makes of it.
        if one.kind != HALF:
            _end(sock)
        _receive(sock, got, 1 << 40)
    return "end"


def _end(sock: socket.socket) -> None:
    """Close the sending direction."""
    try:
        sock.shutdown(socket.SHUT_WR)
    except OSError:  # it has been reset: what came before can still be received
        pass


def _receive(sock: socket.socket, got: bytearray, most: int) -> bool:
    """Receive up to so many bytes; false if the connection ended."""
    while len(got) < most:
        data = sock.recv(min(most - len(got), 1 << 17))
        if not data:
            return False
        got += data
    return True


def serve(port: int) -> Iterator[list[Outcome]]:
    with ThreadPoolExecutor(_THREADS) as pool:
        for line in sys.stdin:
            yield list(pool.map(lambda number: made(contact(number), port), json.loads(line)))


def main() -> None:
    print("ready", flush=True)  # the shim has said hello
    for outcomes in serve(int(sys.argv[1])):
        print(json.dumps(outcomes), flush=True)


if __name__ == "__main__":
    main()
