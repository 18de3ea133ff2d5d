"""chaostoolkit-aws' own actions, unchanged, arm and disarm this layer on a function."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from aws_support import Aws, Make
from chaosaws.awslambda import actions

import machine
from faultlayer_cli.errors import Failure
from faultlayer_cli.layers import checkout
from faultlayer_cli.running import downloads, namespaces
from faultlayer_cli.running.emulator import Emulator
from faultlayer_cli.running.local_function import LocalFunction

HELLO = Path(__file__).parents[2] / "examples" / "hello"
REGION = {"aws_region": "eu-west-1"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer with the link that docs/migration.md adds for these actions."""
    try:
        namespaces.unshare_command()
    except Failure as refused:
        machine.lacks(refused)
    tree = tmp_path_factory.mktemp("chaostoolkit") / "opt"
    shutil.copytree(checkout.layer(downloads.architecture()), tree, symlinks=True)
    (tree / "bootstrap").symlink_to("faultlayer-wrapper")
    return tree


@pytest.fixture
def answered(aws: Aws, tree: Path) -> Iterator[Callable[[], tuple[dict[str, Any], float]]]:
    """What the function answers with the variables that it has in AWS, and in how many seconds."""
    with ExitStack() as stack:

        def ask() -> tuple[dict[str, Any], float]:
            variables = aws.variables("orders")
            emulator = Emulator(
                LocalFunction(HELLO, env=variables, layer=tree, timeout=10), echo=False
            )
            stack.enter_context(emulator)
            emulator.invoke()  # the cold start is not what is measured
            answer = emulator.invoke()
            return json.loads(answer.body), answer.seconds

        yield ask


def test_add_latency_and_remove_it(aws: Aws, make: Make, answered: Any) -> None:
    make("orders", variables={"TABLE": "orders"})
    layer = aws.ours()
    actions.add_latency("orders", 1, 1.0, layer, configuration=REGION)
    assert aws.layers("orders") == [layer]
    answer, seconds = answered()
    assert (answer["statusCode"], seconds >= 1) == (200, True)
    actions.remove_latency("orders", layer, configuration=REGION)
    assert aws.layers("orders") == []
    assert aws.variables("orders")["TABLE"] == "orders"


def test_add_error(aws: Aws, make: Make, answered: Any) -> None:
    make("orders")
    body = json.dumps({"statusCode": 503, "body": "try later"})
    actions.add_error("orders", body, 1.0, aws.ours(), configuration=REGION)
    answer, _ = answered()
    assert answer == {"statusCode": 503, "body": "try later"}
