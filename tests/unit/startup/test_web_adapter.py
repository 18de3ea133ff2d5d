"""The Lambda Web Adapter's variable, and the listener that its requests come to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from faultlayer.startup.web_adapter import names

EXTENSION = Path(__file__).resolve().parents[3] / "extension"


@pytest.mark.parametrize(
    "value",
    [
        "127.0.0.1:9747",
        " 127.0.0.1:9747\n",
        "http://127.0.0.1:9747",
        "HTTP://127.0.0.1:9747/",
        "localhost:9747",
        "LocalHost.:9747",
        "127.1:9747",
        "2130706433:9747",
        "0x7f.1:9747",
        "0.0.0.0:9747",
        "0:9747",
        "[::ffff:127.0.0.1]:9747",
    ],
)
def test_any_spelling_of_our_address(value: str) -> None:
    assert names(value, 9747)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "9747",
        ":9747",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:97470",
        "127.0.0.1:9747x",
        "127.0.0.1:９７４７",
        "127.0.0.2:9747",
        "10.0.0.1:9747",
        "[::1]:9747",
        "[:9747",
        "example.com:9747",
        "https://127.0.0.1:9747",
        "é:9747",
    ],
)
def test_no_other_address(value: str) -> None:
    assert not names(value, 9747)


# In processes of their own: number 31 may be anything of the tests' process.
TAKEN_OVER = """
import os, socket
from faultlayer.startup import web_adapter

with socket.create_server(("127.0.0.1", 0)) as server:
    port = server.getsockname()[1]
    left = os.dup2(server.fileno(), 31)
taken = web_adapter.listen(port)
socket.create_connection(("127.0.0.1", port)).close()
print(taken.fileno() == left, os.get_inheritable(left))
"""
NOT_TAKEN_OVER = """
import os, socket
from faultlayer.startup import web_adapter

with socket.create_server(("127.0.0.1", 0)) as server:
    port = server.getsockname()[1]
ours = web_adapter.listen(port)
print(ours.getsockname() == ("127.0.0.1", port))
os.dup2(ours.detach(), 60)
os.closerange(3, 60)  # the listener is out of sight
try:
    web_adapter.listen(port)
except OSError as error:
    print(error.strerror)
"""


def run(code: str) -> str:
    """The output of this code."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(EXTENSION)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_launchers_listener_is_taken_over() -> None:
    assert run(TAKEN_OVER) == "True False\n"


def test_without_one_it_listens_at_this_port_or_not_at_all() -> None:
    assert run(NOT_TAKEN_OVER) == "True\nAddress already in use\n"
