"""The way to the function's connections: logged once, never from a shell."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from faultlayer.dependencies import ways
from faultlayer.dependencies.ways import Ways


def told(capfd: pytest.CaptureFixture[str]) -> list[str]:
    return [json.loads(line)["way"] for line in capfd.readouterr().out.splitlines()]


@pytest.fixture
def line() -> socket.socket:
    """A line whose other end is this process."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)[0]


def test_the_shim_is_told_of_once(line: socket.socket, capfd: pytest.CaptureFixture[str]) -> None:
    way = Ways(wanted=True)
    assert way.unfit() == ways.NOBODY
    assert told(capfd) == []
    way.hello(line)
    way.hello(line)
    assert way.unfit() == ""
    assert way.untouched() == ways.UNTOUCHED
    assert told(capfd) == ["preload"]


def test_a_static_program_is_reached_by_the_proxy(capfd: pytest.CaptureFixture[str]) -> None:
    way = Ways(wanted=True)
    way.told(ways.PROXY)
    assert way.unfit() == ""
    assert way.untouched() == ways.UNTOUCHED_BY_PROXY
    assert told(capfd) == ["proxy"]


def test_the_first_invocation_waits_a_moment_until_the_way_is_known() -> None:
    way = Ways(wanted=True)
    threading.Timer(0.03, way.told, (ways.PROXY,)).start()
    assert way.unfit() == ""
    way = Ways(wanted=True)
    began = time.monotonic()
    assert [way.unfit() for _ in range(20)] == [ways.NOBODY] * 20
    assert 0.09 < time.monotonic() - began < 0.5, "once"


def test_without_a_rule_that_aims_at_connections_nothing_is_logged(
    line: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    way = Ways(wanted=False)
    way.hello(line)
    assert told(capfd) == []
    assert way.unfit() == ""
    assert told(capfd) == ["preload"], "a live plan has brought such a rule"


def test_a_proxy_of_the_function_s_own_stays_unless_a_process_loads_the_shim(
    line: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    way = Ways(wanted=True)
    way.told(ways.OWN_PROXY)
    assert way.unfit() == ways.HAS_PROXY
    way.hello(line)
    assert way.unfit() == ""


def test_programs_that_load_no_library_are_known() -> None:
    static = Path(__file__).resolve().parents[3] / "shim" / "built" / "x86_64.start"
    data = static.read_bytes()[:4096]
    assert ways._is_static(data)
    for wrong in (Path(sys.executable).read_bytes()[:4096], b"", data[:60], b"#!/bin/sh\n" * 99):
        assert not ways._is_static(wrong)


def test_a_hello_of_a_shell_counts_for_nothing(tmp_path: Path) -> None:
    program = tmp_path / "busybox"
    shutil.copy(Path(sys.executable).resolve(), program)
    name = f"\0faultlayer-test-{tmp_path.name}-{id(program)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(name)
        listener.listen()
        listener.settimeout(10)
        code = (
            "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET);"
            "s.connect(chr(0) + sys.argv[1]); sys.stdin.read()"
        )
        command = [str(program), "-c", code, name[1:]]
        home = {"PYTHONHOME": sys.base_prefix}
        with subprocess.Popen(command, stdin=subprocess.PIPE, env=home) as shell:
            accepted, _ = listener.accept()
            way = Ways(wanted=False)
            way.hello(accepted)
            assert way.unfit() == ways.NOBODY
            accepted.close()
            shell.communicate(timeout=10)
