"""Lists of hosts: which they mean, and how a mistake is told."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.values.hosts import EVERYWHERE, HostList, plain_address

KIND = HostList()


def packed(text: str) -> bytes:
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return plain_address(socket.inet_pton(family, text))


def meant(listed: str, name: str = "", address: str = "192.0.2.1", port: int = 443) -> bool:
    return KIND.parse(listed).matches(name, packed(address), port)


@pytest.mark.parametrize(
    ("listed", "name", "address", "port"),
    [
        ("api.example.com", "api.example.com", "192.0.2.1", 443),
        ("API.Example.com", "api.example.com", "192.0.2.1", 443),
        ("*.example.com", "a.b.example.com", "192.0.2.1", 443),
        ("db-*-eu.example.com", "db-7-eu.example.com", "192.0.2.1", 443),
        ("*", "", "192.0.2.1", 443),
        ("api.example.com:443", "api.example.com", "192.0.2.1", 443),
        ("192.0.2.1", "any.name", "192.0.2.1", 80),
        ("192.0.2.0/24:5432", "", "192.0.2.77", 5432),
        ("2001:db8::/32", "", "2001:db8::1", 443),
        ("[2001:db8::1]:443", "", "2001:db8::1", 443),
        ("192.0.2.1", "", "::ffff:192.0.2.1", 443),
        ("/^db-[0-9]{1,2}$/", "db-12", "192.0.2.1", 443),
        ("/^192[.]/", "", "192.0.2.1", 443),
        ("x, /a,b|db/:443", "db", "192.0.2.1", 443),
        ("!other.example.com", "api.example.com", "192.0.2.1", 443),
        ("localhost", "localhost", "127.0.0.1", 443),
        ("127.0.0.0/8:8080", "", "127.0.0.5", 8080),
        ("169.254.0.0/16", "", "169.254.169.254", 80),
        ("fe80::/10", "", "fe80::1", 80),
        ("0.0.0.0", "", "0.0.0.0", 80),
        ("0.0.0.0/0", "", "192.0.2.1", 80),
        ("169.254.169.254", "", "169.254.169.254", 80),
        ("::1", "", "::1", 80),
        ("db.example.com.:443", "db.example.com", "192.0.2.1", 443),
    ],
)
def test_it_means(listed: str, name: str, address: str, port: int) -> None:
    assert meant(listed, name, address, port)


@pytest.mark.parametrize(
    ("listed", "name", "address", "port"),
    [
        ("*.example.com", "example.com", "192.0.2.1", 443),
        ("api.example.com", "xapi.example.com", "192.0.2.1", 443),
        ("api.example.com:443", "api.example.com", "192.0.2.1", 80),
        ("192.0.2.0/24", "", "192.0.3.1", 443),
        ("0.0.0.0/0", "", "2001:db8::1", 443),
        ("*, !cache.example.com", "cache.example.com", "192.0.2.1", 443),
        ("!cache.example.com, cache.example.com", "cache.example.com", "192.0.2.1", 443),
        ("!cache.example.com:6379", "cache.example.com", "192.0.2.1", 6379),
        ("*", "localhost", "127.0.0.1", 9001),
        ("/./", "localhost", "127.0.0.1", 9001),
        ("*", "", "::1", 443),
        ("!x", "", "169.254.169.254", 80),
        ("*", "", "fe80::1", 443),
        ("*", "", "0.0.0.0", 443),  # connects to loopback
        ("0.0.0.0/0", "", "127.0.0.1", 2773),
        ("0.0.0.0/0", "", "0.0.0.0", 2773),
        ("169.0.0.0/8", "", "169.254.169.254", 80),
        ("126.0.0.0/7", "localhost", "127.0.0.1", 8126),
        ("::/0", "", "::1", 443),
        # exclusions reach loopback, too
        ("db.example.com, !*.example.com", "db.example.com", "127.0.0.1", 443),
        ("localhost, !*", "localhost", "127.0.0.1", 443),
        ("db.example.com, !/^db/", "db.example.com", "127.0.0.1", 443),
        ("127.0.0.1, !0.0.0.0/0", "", "127.0.0.1", 443),
    ],
)
def test_it_does_not_mean(listed: str, name: str, address: str, port: int) -> None:
    assert not meant(listed, name, address, port)


def test_a_lookup_has_no_address_and_no_port_yet() -> None:
    assert KIND.parse("db.example.com:5432").matches("db.example.com", None, 0)
    assert KIND.parse("*,!db.example.com:5432").matches("db.example.com", None, 0)
    assert not KIND.parse("192.0.2.1").matches("db.example.com", None, 0)
    assert not EVERYWHERE.matches("localhost", None, 0)
    assert EVERYWHERE.matches("db.example.com", None, 0)


@pytest.mark.parametrize(
    ("listed", "mistake"),
    [
        ("", "is empty"),
        ("a,,b", "is wrong in entry 2: it is empty"),
        ("*.*..", "is wrong in entry 1: it is no host name: a part between its dots is empty"),
        (
            "https://a.test/",
            "is wrong in entry 1: it is a URL; a host stands without scheme and path",
        ),
        ("a b", "is wrong in entry 1: it is no host name, address, network or /regex/"),
        ("1.2.3", "is wrong in entry 1: it is no address"),
        (
            "1.2.3.4/33",
            "is wrong in entry 1: it is no network: after / stands a number from 0 to 32",
        ),
        (
            "*, 10.0.*",
            "is wrong in entry 2: it is no network: * stands in names alone, so write it as "
            "10.0.0.0/8",
        ),
        ("10.0.0.1/8", "is wrong in entry 1: it is no network: it has bits after its prefix"),
        ("host/8", "is wrong in entry 1: it is no network in CIDR notation, such as 10.0.0.0/8"),
        ("a:0", "is wrong in entry 1: it has a port that is no number from 1 to 65535"),
        ("[::1", "is wrong in entry 1: it begins with [ but is no [address] or [address]:port"),
        ("[a]:1", "is wrong in entry 1: it has no IPv6 address between [ and ]"),
        ("/a", "is wrong in entry 1: it begins with / but is no /regex/, or /regex/:port"),
        ("x,/(/", "is wrong in entry 2: it has a group that is not closed at position 0"),
        (",".join(["a"] * 65), "has more than 64 entries"),
    ],
)
def test_a_mistake_is_named(listed: str, mistake: str) -> None:
    with pytest.raises(ValueError) as raised:
        KIND.parse(listed)
    assert str(raised.value) == mistake


@pytest.mark.parametrize("value", [None, 5, [], [5], {}, True])
def test_a_plan_takes_a_list_of_texts(value: object) -> None:
    with pytest.raises(ValueError):
        KIND.parse(value)


def test_a_list_of_a_plan_means_what_the_text_means() -> None:
    assert KIND.parse(["a.com:1", "!/x,y/"]) == KIND.parse("a.com:1, !/x,y/")
    assert hash(KIND.parse("a")) == hash(KIND.parse(["a"]))


@given(st.text(max_size=40))
def test_any_text_is_refused_or_reads_as_it_is_shown(text: str) -> None:
    try:
        hosts = KIND.parse(text)
    except ValueError:
        return
    assert KIND.parse(KIND.show(hosts)) == hosts
