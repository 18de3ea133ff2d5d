"""A Docker engine: why none answers, in one line, and what its errors say."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError, DockerException

from faultlayer_cli.errors import Failure
from faultlayer_cli.running import docker_engine


@pytest.mark.parametrize(("version", "known"), [("1.40", False), ("1.41", True), ("1.9", False)])
def test_an_engine_before_20_10_cannot_name_this_machine(version: str, known: bool) -> None:
    client: Any = SimpleNamespace(version=lambda: {"ApiVersion": version})
    assert docker_engine.Engine(client).knows_gateway() is known


def test_where_none_listens_that_is_said_with_the_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    with pytest.raises(Failure, match=f"no Docker engine answers at unix://{tmp_path}/none") as no:
        docker_engine.connect()
    assert "\n" not in str(no.value)


def test_a_reason_is_one_line() -> None:
    for error in (DockerException("one\n two"), APIError("refused", explanation="no\nroom")):
        assert "\n" not in docker_engine.reason(error)


def test_whose_containers_are_swept() -> None:
    """Those of processes that live stay."""
    assert docker_engine._lives(os.getpid())
    assert not docker_engine._lives(4194999)
