"""A real Docker engine, and the example's images built on stand-ins for the official ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import docker
import pytest

import machine
from faultlayer_cli.errors import Failure
from faultlayer_cli.layers import checkout
from faultlayer_cli.running import downloads
from images import engine, stand_in
from images.engine import Function
from images.tree import Tree, folder

EXAMPLE = Path(__file__).parents[2] / "examples" / "image"


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    """Skips where no engine answers; on CI that would hide the tests."""
    try:
        downloads.architecture()
        client = engine.connect()
    except (engine.Unavailable, Failure) as missing:
        machine.lacks(missing)
    yield client
    client.close()


@pytest.fixture(scope="session")
def context() -> Tree:
    """What docs/images.md has the user put beside the Dockerfile."""
    layer = folder(checkout.layer(downloads.architecture()), "faultlayer")
    return layer | {"app.py": (0o644, EXAMPLE / "app.py")}


@pytest.fixture(scope="session")
def build(client: docker.DockerClient, context: Tree) -> Iterator[Callable[..., str]]:
    """An image of this Dockerfile, with AWS's base image at hand under its public name."""

    def build(name: str, dockerfile: str, **more: tuple[int, bytes]) -> str:
        return engine.build(client, name, dockerfile, context | more)

    with stand_in.lent(client, stand_in.PYTHON_3_11):
        yield build


@pytest.fixture(scope="session")
def recipe() -> str:
    """The example's own Dockerfile."""
    return (EXAMPLE / "Dockerfile").read_text()


@pytest.fixture(scope="session")
def own_entrypoint() -> str:
    """The example's Dockerfile for images that are not AWS's."""
    return (EXAMPLE / "own-entrypoint.Dockerfile").read_text()


@pytest.fixture(scope="session")
def image(build: Callable[..., str], recipe: str) -> str:
    """The example, as its Dockerfile stands."""
    return build("example", recipe)


@pytest.fixture
def run(client: docker.DockerClient, image: str) -> Iterator[Callable[..., Function]]:
    """The example with these variables of the function; nothing is left of it after the test."""
    with ExitStack() as stack:

        def start(image: str = image, options: Any = None, **variables: str) -> Function:
            started = engine.running(client, image, variables, **(options or {}))
            return stack.enter_context(started)

        yield start


@pytest.fixture
def emulated(run: Callable[..., Function]) -> Callable[..., Function]:
    """`docker run -v …:/aws-lambda --entrypoint /aws-lambda/aws-lambda-rie IMAGE COMMAND`."""
    rie = downloads.emulator()

    def start(image: str, command: list[str], **variables: str) -> Function:
        options = {
            "entrypoint": f"/aws-lambda/{rie.name}",
            "command": command,
            "volumes": {str(rie.parent): {"bind": "/aws-lambda", "mode": "ro"}},
        }
        return run(image, options, **variables)

    return start
