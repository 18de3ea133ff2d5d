"""Fuzz target of the shim's socket: messages of any content in turn."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from faultlayer.dependencies import control
from faultlayer.dependencies.conditions import Condition, Host, InForce
from faultlayer.dependencies.resolver import unanswered
from faultlayer.values.hosts import HostList
from faultlayer.vocabulary.actions import Disturb
from faultlayer.vocabulary.disturbances import Disturbance, Unreachable, Unresolved

_RELAYED, _DEAD = 40000, 40001
_LOOPBACK = (b"\x7f\0\0\1", b"\0" * 10 + b"\xff\xff\x7f\0\0\1", b"\0" * 15 + b"\1")
_ERRORS = [(-2, 0), (-3, 0), (-3, unanswered())]


class _Line:
    """A connection of the shim."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = 0

    def send(self, data: bytes, flags: int) -> int:
        assert not self.closed
        self.sent.append(data)
        return len(data)

    def close(self) -> None:
        self.closed += 1


class _Injection:
    is_open = True

    def __init__(self, disturbance: Disturbance, hosts: str) -> None:
        self.action = Disturb(disturbance, HostList().parse(hosts))

    def happened(self, **numbers: Any) -> None:
        assert isinstance(numbers["host"], str)

    def failed(self, error: Exception) -> None:
        raise error


class _Loop:
    def watch(self, *arguments: object) -> None:
        pass


class _Listener:
    def fileno(self) -> int:
        return -1


class _Relay:
    def lead(self, host: Any, then: Callable[[int], None], **more: object) -> None:
        assert len(host.address) in (4, 16)
        assert 0 <= host.port < 65536
        then(0 if host.port == 1 else _RELAYED)

    def host_behind(self, number: int) -> Any:
        return Host("db.test", b"\xc0\0\2\1", 5432) if number == _RELAYED else None


class _Ways:
    def hello(self, line: object) -> None:
        pass

    def told(self, way: int) -> None:
        assert 0 <= way < 256


class _Observed:
    def look(self) -> None:
        pass

    def of(self, host: str, port: int) -> None:
        assert host


def _fail(*arguments: object, **more: object) -> None:
    raise AssertionError(f"logged: {more}")


@cache
def _asked() -> control.Control:
    """One for all inputs: it keeps nothing but names."""
    in_force = InForce(lambda: None)
    injections: Any = [
        _Injection(Unresolved("timeout"), "/^slow/"),
        _Injection(Unresolved("nxdomain"), "gone.test,*.gone.test"),
        _Injection(Unreachable(silent=True), "192.0.2.0/24,2001:db8::/32,down.test"),
        _Injection(Unreachable(silent=False), "/refused/:5432"),
    ]
    in_force.conditions = tuple(map(Condition, injections))
    aimed = HostList().parse("*,127.0.0.1,!spared.test")
    given: Any = (_Listener(), _Loop(), _Relay(), in_force, aimed.matches, frozenset({9001}))
    more: Any = {"observed": _Observed(), "ways": _Ways()}
    asked = control.Control(*given, **more, is_observing=lambda: True)
    for family in (control.AF_INET, control.AF_INET6):
        for silent in (True, False):
            asked._dead[family, silent] = (None, _DEAD)
    return asked


def _check(message: bytes, answer: bytes) -> None:
    """Judge an answer by the question, as shim/protocol.md has it."""
    assert message[:2] == b"F\1"
    assert answer[:2] == b"F\1"
    what, data = message[2:3], message[4:]
    assert what in (b"R", b"C", b"P")
    if answer[2:] == b"D\0":
        return
    if what == b"R":
        assert answer[2:4] == b"E\0"
        code, delay = answer[4:8], int.from_bytes(answer[8:12], "little")
        assert (int.from_bytes(code, "little", signed=True), delay) in _ERRORS
        assert len(answer) == 12
        return
    assert answer[2:4] == b"T\0"
    family = int.from_bytes(data[:2], "little")
    assert answer[4:6] == data[:2]
    assert len(answer) == 4 + (16 if family == control.AF_INET else 28)
    address = answer[8:12] if family == control.AF_INET else answer[12:28]
    if what == b"C":
        assert address in _LOOPBACK
        assert int.from_bytes(answer[6:8], "big") in (_RELAYED, _DEAD)
        assert (address == _LOOPBACK[2]) == (family != control.AF_INET and message[3] & 1 == 1)


def questions(data: bytes) -> None:
    """Each message gets at most one good answer, and none raises.

    Each stands behind its length (two bytes).
    """
    asked, told = _asked(), control.emit
    asked._names.clear()
    control.emit = _fail  # type: ignore[assignment] # an error of one question is logged
    try:
        while len(data) > 1:
            size = int.from_bytes(data[:2], "big") % 1025
            message, data = data[2 : 2 + size], data[2 + size :]
            line: Any = _Line()
            asked._answer(line, message)
            assert line.closed == 1
            assert len(line.sent) <= 1
            for answer in line.sent:
                _check(message, answer)
            assert all(len(address) in (4, 16) for address in asked._names)
            assert len(asked._names) <= 4096
    finally:
        control.emit = told
