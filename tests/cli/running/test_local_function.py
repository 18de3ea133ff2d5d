"""The settings of a function that runs on this machine, for each way to run it."""

from __future__ import annotations

from pathlib import Path

from faultlayer_cli.running.container import Container
from faultlayer_cli.running.docker_engine import Engine
from faultlayer_cli.running.emulator import Emulator
from faultlayer_cli.running.local_function import LocalFunction


def test_the_same_settings_reach_the_function_either_way(tmp_path: Path) -> None:
    env = {"TABLE_NAME": "orders", "AWS_REGION": "eu-west-1", "AWS_SESSION_TOKEN": None}
    function = LocalFunction(tmp_path / "shop", env=env, timeout=7, memory=512)
    wanted = {
        "TABLE_NAME": "orders",
        "AWS_REGION": "eu-west-1",
        "AWS_LAMBDA_FUNCTION_NAME": "shop",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "7",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    }
    here = Emulator(function, echo=False)
    there = Container(Engine(None), "image", function, echo=False)
    try:
        for seen in (here.environment(), there.environment()):
            assert {name: seen.get(name) for name in wanted} == wanted
            assert "AWS_SESSION_TOKEN" not in seen
    finally:
        here.close()
