"""The shim's socket: bound before the runtime starts, and told to the wrapper."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from faultlayer.startup import control_socket


def test_a_shim_finds_it_by_the_name_that_the_wrapper_gets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = tmp_path / "shim.so"
    shim.touch()
    monkeypatch.setattr(control_socket, "SHIM", str(shim))
    listener, variables = control_socket.listen()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.connect("\0" + str(variables["_FAULTLAYER_SHIM"]))
    listener.close()
    assert variables["_FAULTLAYER_PRELOAD"] == str(shim)
    other, names = control_socket.listen()
    other.close()
    assert names != variables, "several environments may share a machine"


def test_without_the_shim_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_socket, "SHIM", str(tmp_path / "gone.so"))
    with pytest.raises(FileNotFoundError):
        control_socket.listen()
