"""What a test needs of the machine: if that is missing, the test is skipped, and on CI it fails."""

from __future__ import annotations

import os
import shutil
import socket
from typing import NoReturn

import pytest

PACKAGES = {  # the Debian package of a program, if it has another name
    "cc": "gcc libc6-dev",
    "unshare": "util-linux",
    "qemu-aarch64-static": "qemu-user-static",
}


def on_ci() -> bool:
    """True if `.ci/run` has installed what can be installed."""
    return os.environ.get("CI") == "true"


def lacks(reason: object) -> NoReturn:
    """Skip the test for this reason; fail it on CI, which would else hide it for ever."""
    if on_ci():
        pytest.fail(str(reason))
    pytest.skip(str(reason))


def program(name: str, package: str = "") -> str:
    """The path of a program that the test needs."""
    found = shutil.which(name)
    if found is None:
        lacks(f"{name} is missing (Debian: apt-get install {package or PACKAGES.get(name, name)})")
    return found


def localhost() -> None:
    """Need the name `localhost`, which a root file system without /etc/hosts does not have."""
    try:
        socket.getaddrinfo("localhost", 80)
    except socket.gaierror:
        lacks("localhost does not resolve: /etc/hosts has no line for it")
