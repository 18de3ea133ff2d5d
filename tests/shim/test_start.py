"""`faultlayer-start`: the shim or the proxy, by the program's ELF header."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from shimmed import LIBRARY, needs_shim

pytestmark = needs_shim

START = LIBRARY.with_suffix(".start")
STATIC = START  # is static itself
URL = "http://faultlayer:secret@127.0.0.1:1"
SHOW = "import json, os; print(json.dumps(dict(os.environ)))"
PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy")
PRELOAD, PROXY, OWN_PROXY, UNSURE = range(4)


class Started:
    """The program's view of its start, and the reported way."""

    def __init__(self, way: int, env: dict[str, str]) -> None:
        self.way = way
        self.env = env

    @property
    def proxied(self) -> bool:
        return all(self.env.get(name) == URL for name in PROXIES)

    @property
    def preloaded(self) -> bool:
        return self.env.get("LD_PRELOAD", "").startswith(str(LIBRARY))


def environment(name: str, redirect: str = "auto", **more: str) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "_FAULTLAYER_SHIM": name,
        "_FAULTLAYER_START": str(START),
        "_FAULTLAYER_LIBRARY": str(LIBRARY),
        "_FAULTLAYER_REDIRECT": redirect,
        "_FAULTLAYER_PROXY": URL,
        "_FAULTLAYER_NO_PROXY": "localhost,127.0.0.1",
        **more,
    }


def start(program: Path | str, redirect: str = "auto", **more: str) -> Started:
    """Start Python as this program, or as a wrapper that runs it."""
    name = f"faultlayer-start-{os.getpid()}-{os.urandom(4).hex()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind("\0" + name)
        listener.listen()
        listener.settimeout(5)
        done = subprocess.run(
            [str(START), str(program), sys.executable, "-c", SHOW],
            env=environment(name, redirect, **more),
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        line, _ = listener.accept()
        with line:
            message = line.recv(64)
    assert message[:3] == b"F\1W"
    found = Started(message[3], json.loads(done.stdout))
    assert not [key for key in found.env if key.startswith("_FAULTLAYER_") and key[12:] != "SHIM"]
    return found


def script(folder: Path, first: str) -> Path:
    path = folder / "program"
    path.write_text(first)
    path.chmod(0o755)
    return path


def test_a_program_that_loads_libraries_gets_the_shim() -> None:
    for program in (Path(sys.executable), "python3"):
        found = start(program, HTTP_PROXY="http://own:1", NO_PROXY="own")
        assert (found.way, found.preloaded) == (PRELOAD, True)
        assert (found.env["HTTP_PROXY"], found.env["NO_PROXY"]) == ("http://own:1", "own")
        assert "https_proxy" not in found.env
    found = start(sys.executable, LD_PRELOAD="/other.so")
    assert found.env["LD_PRELOAD"] == f"{LIBRARY}:/other.so"


def test_a_static_program_gets_the_proxy_in_both_spellings_and_its_children_the_shim() -> None:
    found = start(STATIC)
    assert (found.way, found.proxied, found.preloaded) == (PROXY, True, True)
    assert found.env["NO_PROXY"] == found.env["no_proxy"] == "localhost,127.0.0.1"
    assert "ALL_PROXY" not in found.env


def test_what_was_spared_stays_spared_and_empty_variables_are_unset_ones() -> None:
    found = start(STATIC, HTTP_PROXY="", no_proxy="intern.example")
    assert (found.way, found.proxied) == (PROXY, True)
    assert found.env["NO_PROXY"] == "localhost,127.0.0.1,intern.example"


@pytest.mark.parametrize("name", [*PROXIES, "ALL_PROXY", "all_proxy"])
def test_a_proxy_of_the_function_s_own_is_respected(name: str) -> None:
    for redirect in ("auto", "proxy"):
        found = start(STATIC, redirect, **{name: "http://own:3128"})
        assert (found.way, found.env[name]) == (OWN_PROXY, "http://own:3128")
        assert [key for key in found.env if "PROXY" in key.upper()] == [name]


def test_the_proxy_may_be_asked_for() -> None:
    found = start(sys.executable, "proxy")
    assert (found.way, found.proxied, found.preloaded) == (PROXY, True, False)


@pytest.mark.parametrize(
    ("first", "way"),
    [
        (f"#!{STATIC}\n", PROXY),
        (f"#!  {STATIC}  an argument\n", PROXY),
        (f"#!{STATIC}", PROXY),
        (f"#!{sys.executable}\n", PRELOAD),
        ("#!/usr/bin/env python3\n", PRELOAD),
        ("#!/usr/bin/env -S python3 -u\n", UNSURE),
        ("#!/usr/bin/env bash\n", UNSURE),
        ("#!/bin/sh\nexec something\n", UNSURE),
        ("#!/bin/bash -e\n", UNSURE),
        ("#!\n", UNSURE),
        ("#! ", UNSURE),
        ("#!" + "x" * 9000, UNSURE),
        ("echo a script without a first line for it\n", UNSURE),
        ("", UNSURE),
        ("\x7fELF", UNSURE),
    ],
)
def test_a_script_is_judged_by_its_interpreter(tmp_path: Path, first: str, way: int) -> None:
    found = start(script(tmp_path, first))
    assert (found.way, found.proxied, found.preloaded) == (way, way == PROXY, True)


def test_what_is_no_program_is_unsure_and_never_a_loop(tmp_path: Path) -> None:
    path = tmp_path / "program"
    script(tmp_path, f"#!{path}\n")
    for program in (path, tmp_path, tmp_path / "none", "no-such-program", "", "/bin/sh", "bash"):
        assert start(program).way == UNSURE


def test_a_loader_loads_libraries(tmp_path: Path) -> None:
    loader = tmp_path / "ld-linux-x86-64.so.2"
    shutil.copy(STATIC, loader)
    assert start(loader).way == PRELOAD


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (4, b"\1"),  # a class of 32 bits
        (18, b"\3\0"),  # another machine
        (32, struct.pack("<Q", 1 << 62)),  # headers beyond the end
        (54, b"\1\0"),  # headers of another size
        (56, b"\xff\xff"),  # more headers than anybody has
    ],
)
def test_a_damaged_program_is_unsure(tmp_path: Path, at: int, value: bytes) -> None:
    data = bytearray(STATIC.read_bytes())
    data[at : at + len(value)] = value
    path = tmp_path / "program"
    path.write_bytes(data)
    assert start(path).way == UNSURE


def run(*command: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(START), *command],
        env=environment("nobody-listens", **more),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_it_executes_as_a_shell_would(tmp_path: Path) -> None:
    plain = script(tmp_path, 'echo "$0" "$1" "$2"\n')
    done = run("x", str(plain), "a b", "")
    assert (done.stdout, done.returncode) == (f"{plain} a b \n", 0)
    done = run("x", "env", "-i", "sh", "-c", "exit 7")
    assert done.returncode == 7
    done = run("x", "no-such-program")
    assert (done.stderr, done.returncode) == ("no-such-program: not found\n", 127)
    done = run("x", str(tmp_path))
    assert (done.stderr, done.returncode) == (f"{tmp_path}: cannot be executed\n", 126)
    assert run().returncode == 2
    many = {f"VARIABLE_{number}": "v" * 1000 for number in range(500)}
    done = run(str(STATIC), "sh", "-c", "echo $VARIABLE_499 $HTTP_PROXY", **many)
    assert done.stdout == f"{'v' * 1000} {URL}\n"


def test_it_is_small_and_static() -> None:
    for arch in ("x86_64", "arm64"):
        assert (LIBRARY.parent / f"{arch}.start").stat().st_size < 8192
    assert start(START).way == PROXY
