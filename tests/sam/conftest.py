"""The template, built by the real `sam`, and base images for it on a real Docker engine."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

import machine
from faultlayer_cli.errors import Failure
from faultlayer_cli.layers import checkout
from faultlayer_cli.running import downloads
from images import engine, stand_in, stand_in_node
from runtimes import builds
from sam import sam_cli
from sam.sam_cli import Said, Sam

_BUILT_BY_SAM = "samcli/lambda-"


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    """A Docker engine; asked for first, so that without one nothing is downloaded."""
    try:
        downloads.architecture()
        client = engine.connect()
    except (engine.Unavailable, Failure) as reason:
        machine.lacks(reason)
        raise
    yield client
    client.close()


@pytest.fixture(scope="session")
def layers(client: docker.DockerClient) -> dict[str, Path]:
    """Both layers, built where they are not."""
    return {arch: checkout.layer(arch) for arch in ("x86_64", "arm64")}


@pytest.fixture(scope="session")
def sam(client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Sam:
    """The command, set up where it is not."""
    try:
        sam_cli.set_up()
    except (sam_cli.Unavailable, Failure) as reason:
        machine.lacks(reason)
    return Sam(tmp_path_factory.mktemp("sam-home"), {})


@pytest.fixture(scope="session")
def built(sam: Sam, layers: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template that `sam build` makes of ours."""
    folder = tmp_path_factory.mktemp("sam-build")
    said = sam.run("build", "--template", sam_cli.TEMPLATE, "--build-dir", folder)
    assert said.code == 0, said.log
    return folder / "template.yaml"


def base_image(runtime: str) -> str:
    """The name that `sam` looks for below a function with layers."""
    language = runtime.rstrip(".x0123456789")
    version = runtime.removeprefix(language).removesuffix(".x")
    return f"public.ecr.aws/lambda/{language}:{version}-{downloads.architecture()}"


@pytest.fixture(scope="session")
def images(client: docker.DockerClient) -> Iterator[None]:
    """Nothing is left of what `sam` builds; two runs take turns, since they would share it."""
    lock = Path(tempfile.gettempdir(), f"faultlayer-sam-{os.getuid()}.lock")
    with lock.open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        before = _built_by_sam(client)
        yield
        for tag, identity in _built_by_sam(client).items():
            if before.get(tag) != identity:
                client.images.remove(tag, force=True)


def _built_by_sam(client: docker.DockerClient) -> dict[str, str]:
    every = client.images.list()
    return {tag: image.id for image in every for tag in image.tags if tag.startswith(_BUILT_BY_SAM)}


@pytest.fixture(scope="session")
def python(client: docker.DockerClient, images: None) -> Iterator[None]:
    """AWS's base image for the template's Python functions, or a stand-in."""
    with _lent(client, "python3.11", stand_in.lambda_python):
        yield


@pytest.fixture(scope="session")
def node(client: docker.DockerClient, images: None) -> Iterator[None]:
    """AWS's base image for the template's Node.js functions, or a stand-in."""
    with _lent(client, "nodejs22.x", stand_in_node.lambda_node):
        yield


@contextlib.contextmanager
def _lent(
    client: docker.DockerClient, runtime: str, image: Callable[[docker.DockerClient], str]
) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(stand_in.lent(client, base_image(runtime), image=image))
        except (builds.Unavailable, engine.Unavailable) as reason:
            machine.lacks(reason)
        yield


@pytest.fixture(scope="session")
def options(built: Path) -> Callable[..., list[str]]:
    """What every `sam local` command gets: the built template, and these parameters."""

    def options(**given: str) -> list[str]:
        parameters = {"Architecture": downloads.architecture(), **given}
        return ["--template", str(built), "--skip-pull-image", *sam_cli.parameters(parameters)]

    return options


@pytest.fixture
def function(request: pytest.FixtureRequest) -> str:
    """A function by its name in the template, with the base image that it needs."""
    name: str = request.param
    request.getfixturevalue("node" if name.endswith("Node") else "python")
    return name


@pytest.fixture
def invoke(sam: Sam, options: Callable[..., list[str]]) -> Callable[..., Said]:
    """`sam local invoke` of a function with an event of the examples."""

    def invoke(function: str, event: Path, **given: str) -> Said:
        said = sam.run("local", "invoke", function, "--event", event, *options(**given))
        assert said.code == 0, said.log
        return said

    return invoke
