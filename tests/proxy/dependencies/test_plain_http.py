"""Plain HTTP by the proxy: kept, switched, upgraded and disturbed connections."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator

import pytest

from fakes.proxied import soon
from faultlayer.dependencies.plain_http import pair
from faultlayer.vocabulary.disturbances import Cut, Late, Unreachable, Unresolved
from proxy.dependencies.proxied_client import Client
from proxy.dependencies.redirected import Redirected, host


@pytest.fixture
def redirected(localhost: None) -> Redirected:
    return Redirected()


class Server:
    """A host that answers with the request, or as the path says."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.connections = 0
        self.heads: list[bytes] = []

    def serve(self, connection: socket.socket) -> None:
        self.connections += 1
        got = b""
        while True:
            while b"\r\n\r\n" not in got:
                data = connection.recv(65536)
                if not data:
                    return
                got += data
            head, _, got = got.partition(b"\r\n\r\n")
            self.heads.append(head)
            length = int((head.lower().partition(b"content-length: ")[2] or b"0").split()[0])
            chunked = b"encoding: chunked" in head.lower()
            while len(got) < length or (chunked and not got.endswith(b"0\r\n\r\n")):
                got += connection.recv(65536)
            body, got = (got, b"") if chunked else (got[:length], got[length:])
            path = head.split()[1]
            if path == b"/upgrade":
                connection.sendall(b"HTTP/1.1 101 Switching\r\nUpgrade: echo\r\n\r\nhello")
                while data := connection.recv(65536):
                    connection.sendall(data)
                return
            if path == b"/until-close":
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"z" * 100_000)
                return
            if path == b"/chunked":
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
                connection.sendall(
                    b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n"
                )
                continue
            if path == b"/nonsense":
                connection.sendall(b"this is no HTTP")
                return
            answer = self.name.encode() + b" " + path + b" " + body
            more = b"" if head.startswith(b"HEAD") else answer
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), more)
            )


@contextlib.contextmanager
def server(name: str = "a") -> Iterator[tuple[Server, int]]:
    made = Server(name)
    with host(made.serve) as port:
        yield made, port


def test_one_connection_is_kept_alive_and_what_the_host_gets_is_as_without_the_proxy(
    redirected: Redirected,
) -> None:
    with server() as (made, port), Client(redirected) as client:
        for number in range(3):
            client.send(
                f"POST http://localhost:{port}/{number}", b"Host: h\r\nContent-Length: 2\r\n", b"hi"
            )
            assert client.head() == "HTTP/1.1 200 OK\r\nContent-Length: 7"
            assert client.read(7) == b"a /%d hi" % number
        client.send(f"HEAD http://localhost:{port}/")
        assert "Content-Length: 4" in client.head()
        client.send(f"GET http://localhost:{port}/chunked")
        assert client.head() == "HTTP/1.1 100 Continue"
        assert "chunked" in client.head()
        assert client.read(19) == b"3\r\nabc\r\n0\r\nT: 1\r\n\r\n"
        body = b"5\r\nhello\r\n0\r\n\r\n"
        client.send(f"PUT http://localhost:{port}/c", b"Transfer-Encoding: chunked\r\n", body)
        assert client.head() == "HTTP/1.1 200 OK\r\nContent-Length: 20"
        assert client.read(20).endswith(body)
    assert made.connections == 1
    assert soon(lambda: not redirected.proxy.open)
    assert made.heads[0] == b"POST /0 HTTP/1.1\r\nHost: h\r\nContent-Length: 2"
    assert soon(lambda: not redirected.relay.links)


def test_a_real_client_by_two_hosts_on_one_connection(redirected: Redirected) -> None:
    with server("a") as (one, first), server("b") as (other, second), Client(redirected) as client:
        for _ in range(3):
            for name, port in (("a", first), ("b", second)):
                client.send(f"GET http://localhost:{port}/x")
                client.head()
                assert client.read(5) == name.encode() + b" /x "
        # sent at once: the second waits for the first host's answer
        client.send(f"GET http://localhost:{first}/1")
        client.send(f"GET http://localhost:{second}/2")
        client.head()
        assert client.read(5) == b"a /1 "
        client.head()
        assert client.read(5) == b"b /2 "
    assert (one.connections, other.connections) == (4, 4)


def test_pipelined_requests_to_one_host_pass_in_order(redirected: Redirected) -> None:
    with server() as (_, port), Client(redirected) as client:
        for number in range(50):
            client.send(f"GET http://127.0.0.1:{port}/{number:03}")
        for number in range(50):
            client.head()
            assert client.read(7) == b"a /%03d " % number


def test_python_s_own_client(redirected: Redirected) -> None:
    authorized = {"Proxy-Authorization": redirected.proxy.allowed.decode()}
    with server() as (_, port):
        client = http.client.HTTPConnection("127.0.0.1", redirected.proxy_port, timeout=10)
        for size in (0, 10, 3_000_000):
            body = b"q" * size
            client.request("POST", f"http://localhost:{port}/p", body, authorized)
            assert client.getresponse().read() == b"a /p " + body
        client.close()


def test_an_upgrade_makes_a_tunnel(redirected: Redirected) -> None:
    with server() as (_, port), Client(redirected) as client:
        client.send(
            f"GET http://localhost:{port}/upgrade", b"Connection: Upgrade\r\nUpgrade: echo\r\n"
        )
        assert client.head().startswith("HTTP/1.1 101")
        assert client.read(5) == b"hello"
        for data in (b"GET / HTTP/1.1\r\n\r\n", bytes(300_000)):
            threading.Thread(target=client.sock.sendall, args=(data,)).start()
            assert client.read(len(data)) == data


def test_answers_without_a_length_and_answers_that_are_none(redirected: Redirected) -> None:
    with server() as (_, port):
        with Client(redirected) as client:
            client.send(f"GET http://localhost:{port}/until-close")
            assert client.head() == "HTTP/1.1 200 OK"
            assert client.rest() == b"z" * 100_000
        with Client(redirected) as client:
            client.send(f"GET http://localhost:{port}/nonsense")
            assert client.rest() == b"this is no HTTP"


@pytest.mark.parametrize(
    "wrong",
    [
        b"GET http://localhost:x/ HTTP/1.1\r\n\r\n",
        b"CONNECT localhost:443 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"y" * 100_000,
    ],
)
def test_a_wrong_request_behind_a_good_one_ends_the_connection(
    redirected: Redirected, wrong: bytes
) -> None:
    with server() as (_, port), Client(redirected) as client:
        client.send(f"GET http://localhost:{port}/")
        client.head()
        client.read(4)
        client.sock.sendall(wrong)
        assert client.head().split()[1] in ("400", "407", "431")
        client.rest()


def test_disturbed_as_tunnels_are(redirected: Redirected) -> None:
    with server() as (_, port):
        for disturbance in (Unreachable(silent=False), Unresolved("nxdomain"), Cut(0), Cut(10)):
            with redirected.disturbed(disturbance) as (injected,), Client(redirected) as client:
                client.send(f"GET http://localhost:{port}/")
                with pytest.raises(ConnectionResetError):
                    client.rest()
                assert injected.told[0]["host"] == "localhost"
        with redirected.disturbed(Late(0.2)), Client(redirected) as client:
            client.sock.settimeout(0.1)
            client.send(f"GET http://localhost:{port}/")
            with pytest.raises(TimeoutError):
                client.head()
            client.sock.settimeout(10)
            assert client.head()
        with redirected.disturbed(Unreachable(silent=True)), Client(redirected) as client:
            client.sock.settimeout(0.3)
            client.send(f"GET http://localhost:{port}/")
            with pytest.raises(TimeoutError):
                client.head()


def test_an_idle_connection_ends_when_the_host_goes(redirected: Redirected) -> None:
    with server() as (_, port), Client(redirected) as client:
        client.send(f"GET http://localhost:{port}/")
        client.head()
        client.read(4)
        with redirected.disturbed(Unreachable(silent=False)):
            assert client.rest() == b""


def test_a_client_that_reads_slowly_holds_up_the_host(redirected: Redirected) -> None:
    size = 20_000_000

    def pour(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // 100_000):
            connection.sendall(bytes(100_000))

    with host(pour) as port, Client(redirected) as client:
        client.send(f"GET http://localhost:{port}/")
        client.head()
        assert len(client.read(size)) == size


def test_a_pair_is_connected() -> None:
    one, other = pair()
    one.send(b"x")
    assert other.recv(1) == b"x"
    one.close()
    other.close()
