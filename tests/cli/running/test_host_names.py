"""Names at other addresses for a function: options and the hosts file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import machine
from faultlayer_cli.errors import Failure, Mistake
from faultlayer_cli.running import host_names, namespaces
from faultlayer_cli.running.emulator import Emulator
from faultlayer_cli.running.local_function import LocalFunction

LOOK = """
import socket

def handler(event, context):
    return [socket.gethostbyname(name) for name in event]
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("db.example.com:127.0.0.2", {"db.example.com": "127.0.0.2"}),
        ("Cache:10.0.0.1", {"cache": "10.0.0.1"}),
        ("db:[2001:db8::1]", {"db": "2001:db8::1"}),
        ("db:2001:db8::1", {"db": "2001:db8::1"}),
        ("db:host-gateway", {"db": "host-gateway"}),
    ],
)
def test_a_name_and_an_address(text: str, found: dict[str, str]) -> None:
    assert host_names.of_options([text]) == found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("db.example.com", "has no address"),
        (":127.0.0.1", "does not begin with the name of a host"),
        ("a name:127.0.0.1", "does not begin with the name of a host"),
        ("db\n6.6.6.6 x:127.0.0.1", "does not begin with the name of a host"),
        ("db:", "does not end with an address"),
        ("db:elsewhere", "does not end with an address"),
        ("db:127.0.0.1:5432", "does not end with an address"),
    ],
)
def test_a_mistake_is_named(text: str, reason: str) -> None:
    with pytest.raises(Mistake, match=reason) as refused:
        host_names.of_options([text])
    assert "allowed: NAME:ADDRESS" in str(refused.value)


def test_the_later_of_two_wins() -> None:
    assert host_names.of_options(["db:127.0.0.1", "db:127.0.0.2"]) == {"db": "127.0.0.2"}


def test_the_function_finds_the_name_and_the_machines_own(tmp_path: Path) -> None:
    try:
        namespaces.unshare_command()
    except Failure as reason:
        machine.lacks(reason)
    (tmp_path / "app.py").write_text(LOOK)
    names = {"db.example.com": "127.0.0.2", "cache.example.com": "host-gateway"}
    with Emulator(LocalFunction(tmp_path, hosts=names), echo=False) as emulator:
        answer = emulator.invoke(b'["db.example.com", "cache.example.com", "localhost"]')
    assert json.loads(answer.body) == ["127.0.0.2", "127.0.0.1", "127.0.0.1"]
