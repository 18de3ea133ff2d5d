"""The sockets by which connections are reached: bound before the runtime starts."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from faultlayer import main
from faultlayer.settings.variables import read_environment
from faultlayer.startup import control_socket, wrapper_file


@pytest.fixture
def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SHIM", "START"):
        path = tmp_path / name
        path.touch()
        monkeypatch.setattr(control_socket, name, str(path))
    return tmp_path


def test_a_shim_finds_it_by_the_name_that_the_wrapper_gets(layer: Path) -> None:
    sockets, variables = control_socket.listen("preload")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.connect("\0" + str(variables.pop("_FAULTLAYER_SHIM")))
    sockets.close()
    assert sockets.proxy is None
    assert variables == {"_FAULTLAYER_PRELOAD": str(layer / "SHIM")}
    other, names = control_socket.listen("preload")
    other.close()
    assert names != variables, "several environments may share a machine"


@pytest.mark.parametrize("redirect", ["auto", "proxy"])
def test_a_program_that_can_read_elf_headers_gets_all_that_it_needs(
    layer: Path, redirect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(control_socket.posix.environ, b"AWS_LAMBDA_RUNTIME_API", b"10.1.2.3:9001")
    sockets, variables = control_socket.listen(redirect)
    assert sockets.proxy is not None
    host, port = sockets.proxy.getsockname()
    assert host == "127.0.0.1"
    assert variables["_FAULTLAYER_PROXY"] == f"http://{sockets.credentials()}@127.0.0.1:{port}"
    assert variables["_FAULTLAYER_START"] == str(layer / "START")
    assert variables["_FAULTLAYER_LIBRARY"] == str(layer / "SHIM")
    assert variables["_FAULTLAYER_REDIRECT"] == redirect
    assert variables["_FAULTLAYER_NO_PROXY"] == control_socket.SPARED + ",10.1.2.3"
    sockets.close()
    again, _ = control_socket.listen(redirect)
    again.close()
    assert again.password != sockets.password


def test_without_its_files_there_is_none(layer: Path) -> None:
    (layer / "START").unlink()
    control_socket.listen("preload")[0].close()
    with pytest.raises(FileNotFoundError):
        control_socket.listen("auto")
    (layer / "SHIM").unlink()
    with pytest.raises(FileNotFoundError):
        control_socket.listen("preload")


@pytest.mark.parametrize(
    ("variables", "loaded"),
    [
        ({}, False),
        ({"LATENCY": "1s", "ENV": '{"A":"b"}'}, False),
        ({"NETWORK": "1s", "DRY_RUN": "true"}, False),
        ({"NETWORK": "1s", "DISABLED": "true"}, False),
        ({"NETWORK": "1s"}, True),
        ({"OBSERVE": "hosts"}, True),
        ({"PLAN": "ssm:/name"}, True),
    ],
)
def test_the_wrapper_is_told_of_it_only_if_it_may_be_needed(
    layer: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], loaded: bool
) -> None:
    """Else no variable changes, and no process starts later."""
    published = layer / "address"
    monkeypatch.setattr(wrapper_file, "PATH", bytes(published))
    environ = {f"FAULTLAYER_{name}": text for name, text in variables.items()}
    opened = main._open(read_environment({**environ, "FAULTLAYER_PORT": "0"}))
    opened.release()
    for each in (opened.listener, opened.sockets):
        if each is not None:
            each.close()
    told = published.read_text() if published.exists() else ""
    assert ("\n_FAULTLAYER_SHIM 1\n" in told) == loaded
    assert ("_FAULTLAYER_" in told) == loaded
    assert (opened.sockets is not None) == loaded
