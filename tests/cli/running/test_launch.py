"""Where `faultlayer local` runs a function: here if it can, in Docker if it must or is asked to."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import pytest
from cli_support import HELLO, Command

from faultlayer_cli.commands import local
from faultlayer_cli.errors import Failure
from faultlayer_cli.running import container, docker_engine, namespaces
from faultlayer_cli.running.emulator import Emulator
from faultlayer_cli.running.launch import Launch, endpoint
from faultlayer_cli.running.local_function import LocalFunction
from faultlayer_cli.terminal import TERMINAL


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that answers, and is not asked for anything yet."""
    monkeypatch.setattr(docker_engine, "connect", lambda progress: docker_engine.Engine(None))


def place(typed: Command, *arguments: object) -> Any:
    run = typed("local", HELLO, *arguments).run
    assert run is not None
    return endpoint(run, TERMINAL)


def refuse() -> None:
    raise Failure("user namespaces are not allowed here (x=1): run as root, or allow them")


def test_here_where_it_works(monkeypatch: pytest.MonkeyPatch, typed: Command, engines, capsys):
    monkeypatch.setattr(namespaces, "unshare_command", lambda: ["unshare", "--pid"])
    monkeypatch.setattr(sys, "platform", "linux")
    assert isinstance(place(typed), Emulator)
    assert capsys.readouterr().err == ""


def test_here_without_a_namespace_for_processes(
    monkeypatch: pytest.MonkeyPatch, typed: Command, engines, capsys
):
    monkeypatch.setattr(namespaces, "unshare_command", lambda: ["unshare"])
    monkeypatch.setattr(sys, "platform", "linux")
    assert isinstance(place(typed), Emulator)
    (line,) = capsys.readouterr().err.splitlines()
    assert "can see and end the processes around it" in line


@pytest.mark.parametrize("asked", [["--docker"], ["--image", local.IMAGE]])
def test_in_docker_where_that_is_asked_for(typed: Command, engines, capsys, asked):
    assert isinstance(place(typed, *asked), container.Container)
    assert capsys.readouterr().err == ""


def test_in_docker_where_namespaces_are_refused(
    monkeypatch: pytest.MonkeyPatch, typed: Command, engines, capsys
):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(namespaces, "unshare_command", refuse)
    assert isinstance(place(typed), container.Container)
    assert capsys.readouterr().err == (
        f"faultlayer: runs in Docker, in {local.IMAGE}, since user namespaces are not allowed "
        "here (x=1)\n"
    )


def test_in_docker_on_a_mac(monkeypatch: pytest.MonkeyPatch, typed: Command, engines, capsys):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert isinstance(place(typed), container.Container)
    assert capsys.readouterr().err == (
        f"faultlayer: runs in Docker, in {local.IMAGE}, since the emulator needs Linux, and this "
        "is darwin\n"
    )


def test_where_neither_works_both_reasons_are_told(monkeypatch: pytest.MonkeyPatch, typed: Command):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(namespaces, "unshare_command", refuse)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent")
    with pytest.raises(Failure) as caught:
        place(typed)
    assert str(caught.value).startswith("user namespaces are not allowed here (x=1): run as root")
    assert "no Docker engine answers at unix:///nonexistent" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_program_launches_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, engines, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(namespaces, "unshare_command", lambda: ["unshare"])
    launch = Launch(LocalFunction(HELLO, env={"FAULTLAYER_STATUS": "503"}), local.IMAGE)
    place = endpoint(launch)
    assert isinstance(place, Emulator)
    assert place.environment()["FAULTLAYER_STATUS"] == "503"
    place.close()
    assert isinstance(endpoint(replace(launch, docker=True)), container.Container)
    assert capfd.readouterr() == ("", "")
