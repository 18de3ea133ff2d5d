"""Parsed requests to the proxy: forwarded unchanged, or refused with a sentence."""

from __future__ import annotations

import base64

import pytest

from faultlayer.dependencies import proxy_requests
from faultlayer.dependencies.proxy_requests import Refusal

ALLOWED = proxy_requests.authorization("faultlayer:secret")
AUTHORIZED = b"Proxy-Authorization: " + ALLOWED + b"\r\n"


def read(line: bytes, more: bytes = b"") -> proxy_requests.Request:
    head = line + b" HTTP/1.1\r\n" + AUTHORIZED + more + b"\r\n"
    return proxy_requests.read(head, ALLOWED)


@pytest.mark.parametrize(
    ("target", "name", "port"),
    [
        (b"db.example.com:5432", "db.example.com", 5432),
        (b"DB.Example.com.:443", "db.example.com", 443),
        (b"192.0.2.1:80", "192.0.2.1", 80),
        (b"[2001:DB8::1]:443", "2001:db8::1", 443),
        (b"a_b-c:65535", "a_b-c", 65535),
    ],
)
def test_a_tunnel_s_host(target: bytes, name: str, port: int) -> None:
    request = read(b"CONNECT " + target)
    assert (request.tunnel, request.name, request.port) == (True, name, port)


@pytest.mark.parametrize(
    ("target", "place", "line"),
    [
        (b"http://a.example/x?y=z", ("a.example", 80), b"GET /x?y=z HTTP/1.1"),
        (b"HTTP://A.example:8080", ("a.example", 8080), b"GET / HTTP/1.1"),
        (b"http://a.example:/", ("a.example", 80), b"GET / HTTP/1.1"),
        (b"http://a.example?q", ("a.example", 80), b"GET /?q HTTP/1.1"),
        (b"http://a.example/p#f", ("a.example", 80), b"GET /p HTTP/1.1"),
        (b"http://u:p@a.example/", ("a.example", 80), b"GET / HTTP/1.1"),
        (b"http://[::1]:81/a//b", ("::1", 81), b"GET /a//b HTTP/1.1"),
        (b"http://a.example/http://b", ("a.example", 80), b"GET /http://b HTTP/1.1"),
    ],
)
def test_a_plain_request_is_forwarded_as_the_host_would_get_it(
    target: bytes, place: tuple[str, int], line: bytes
) -> None:
    more = (
        b"Host: other.example\r\nproxy-connection: keep-alive\r\nX-A:  1 \r\nContent-Length: 3\r\n"
    )
    request = read(b"GET " + target, more)
    assert (request.name, request.port) == place
    kept = b"\r\nHost: other.example\r\nX-A:  1 \r\nContent-Length: 3\r\n\r\n"
    assert request.head == line + kept
    assert (request.length, request.tunnel, request.is_head) == (3, False, False)


def test_options_of_the_whole_server_and_head() -> None:
    assert read(b"OPTIONS http://a").head.startswith(b"OPTIONS * HTTP/1.1\r\n")
    assert read(b"HEAD http://a/").is_head


@pytest.mark.parametrize(
    "line",
    [
        b"CONNECT a.example",
        b"CONNECT a.example:",
        b"CONNECT a.example:0",
        b"CONNECT a.example:65536",
        b"CONNECT a.example:443x",
        b"CONNECT a.example:-1",
        b"CONNECT a.example:\xb2",
        b"CONNECT :443",
        b"CONNECT [::1]443",
        b"CONNECT [::1",
        b"CONNECT [zz]:443",
        b"CONNECT ::1:443",
        b"CONNECT http://a.example/",
        b"CONNECT a/b:443",
        b"CONNECT " + b"a" * 254 + b":443",
        b"CONNECT a\x00b:443",
        b"CONNECT b\xc3\xbccher.example:443",
        b"GET /",
        b"GET *",
        b"GET a.example:80",
        b"GET https://a.example/",
        b"GET ftp://a.example/",
        b"GET http://",
        b"GET http:///path",
        b"GET http://a.example:http/",
        b"GET http://a b/",
        b"GET",
        b"",
        b"\x16\x03\x01\x02\x00\x01",
    ],
)
def test_what_is_no_request_to_a_proxy_is_refused(line: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        read(line)
    assert caught.value.status == 400
    answer = caught.value.answer()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"Content-Length: %d\r\n" % len(body) in head


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Proxy-Authorization: Basic\r\n",
        b"Proxy-Authorization: Basic " + base64.b64encode(b"faultlayer:wrong") + b"\r\n",
        b"Proxy-Authorization: Bearer " + ALLOWED[6:] + b"\r\n",
        b"Authorization: " + ALLOWED + b"\r\n",
    ],
)
def test_it_is_never_an_open_proxy(header: bytes) -> None:
    for line in (b"CONNECT a.example:443", b"GET http://a.example/", b"GET /"):
        with pytest.raises(Refusal) as caught:
            proxy_requests.read(line + b" HTTP/1.1\r\n" + header + b"\r\n", ALLOWED)
        assert caught.value.status == 407
        assert b"Proxy-Authenticate: Basic" in caught.value.answer()
