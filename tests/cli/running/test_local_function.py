"""The settings of a function that runs on this machine, for each way to run it."""

from __future__ import annotations

from pathlib import Path

from faultlayer_cli.running.container import Container
from faultlayer_cli.running.docker_engine import Engine
from faultlayer_cli.running.emulator import Emulator
from faultlayer_cli.running.local_function import LocalFunction

PAGE = Path(__file__).parents[3] / "docs" / "local.md"


def test_the_page_names_every_variable() -> None:
    """And the region and the defaults that it says."""
    section = PAGE.read_text().partition("## Its variables")[2].partition("\n## ")[0]
    here = Emulator(LocalFunction(PAGE.parent), echo=False)
    try:
        seen = here.environment()
    finally:
        here.close()
    private = {name for name in seen if name.startswith("_FAULTLAYER")}
    assert [name for name in seen if f"`{name}`" not in section and name not in private] == []
    assert seen["AWS_REGION"] == seen["AWS_DEFAULT_REGION"] == "us-east-1"
    assert (seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], seen["AWS_LAMBDA_FUNCTION_TIMEOUT"]) == (
        "128",
        "3",
    )


def test_the_same_settings_reach_the_function_either_way(tmp_path: Path) -> None:
    env = {"TABLE_NAME": "orders", "AWS_REGION": "eu-west-1", "AWS_SESSION_TOKEN": None}
    function = LocalFunction(tmp_path / "shop", env=env, timeout=7, memory=512)
    wanted = {
        "TABLE_NAME": "orders",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_LAMBDA_FUNCTION_NAME": "shop",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "7",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    }
    here = Emulator(function, echo=False)
    there = Container(Engine(None), "image", function)
    try:
        for seen in (here.environment(), there.environment()):
            assert {name: seen.get(name) for name in wanted} == wanted
            assert "AWS_SESSION_TOKEN" not in seen
    finally:
        here.close()
