"""The Docker engine of this machine: images by content, and functions running in containers.

An image is named after everything that went into it, so that a second run finds it; containers
are removed, whatever happens.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import docker
from docker.errors import DockerException, ImageNotFound
from docker.models.containers import Container

from faultlayer_cli.running.emulator import PATH
from faultlayer_cli.running.http_client import Response
from faultlayer_cli.running.ports import LOOPBACK
from images.tree import Tree, digest, pack

PREFIX = "faultlayer-test"  # every image of ours is called that, and every container has the label
_KEPT = timedelta(days=1)
_READY = 15.0  # seconds for a container to listen


class Unavailable(Exception):
    """There is no engine to talk to; says why, in one line."""


def connect() -> docker.DockerClient:
    """The engine that DOCKER_HOST names, or this machine's."""
    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except (DockerException, OSError) as error:
        reason = str(error).splitlines()[0][:200]
        raise Unavailable(f"no Docker engine answers: {reason}") from None
    return client


def find(client: docker.DockerClient, name: str) -> Any:
    """The image of this name, or None."""
    try:
        return client.images.get(name)
    except ImageNotFound:
        return None


def build(
    client: docker.DockerClient,
    name: str,
    dockerfile: str,
    files: Tree,
    finish: Callable[[Tree], Tree] = lambda files: files,
) -> str:
    """The image of this Dockerfile with these files around it, built where it is not there yet.

    `finish` adds what follows from the files alone, and takes too long to be done every time.
    """
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    known = [client.images.get(base).id for base in bases if base != "scratch"]
    tag = f"{PREFIX}/{name}:{digest(files, dockerfile, *known)}"
    if find(client, tag) is not None:
        return tag
    with tempfile.TemporaryFile() as context:
        pack(finish(files) | {"Dockerfile": (0o644, dockerfile.encode())}, context)
        context.seek(0)
        client.images.build(
            fileobj=context,
            custom_context=True,
            tag=tag,
            labels={PREFIX: name},
            rm=True,
            forcerm=True,
        )
    _forget_old(client, f"{PREFIX}/{name}", tag)
    return tag


def _forget_old(client: docker.DockerClient, repository: str, but: str) -> None:
    """Removes what this image was a day ago and before; another checkout may use what is newer."""
    oldest = (datetime.now(timezone.utc) - _KEPT).isoformat()
    for image in client.images.list(repository):
        for tag in image.tags:
            if tag.startswith(f"{repository}:") and tag != but and image.attrs["Created"] < oldest:
                with contextlib.suppress(DockerException):  # somebody uses it
                    client.images.remove(tag)


class Function:
    """A function in a container that listens, and the questions the tests ask of it."""

    def __init__(self, container: Container) -> None:
        self.container = container
        container.reload()
        (self._published,) = container.ports["8080/tcp"]

    @property
    def log(self) -> str:
        return str(self.container.logs(), "utf-8", "replace")

    def invoke(self, event: Any = None) -> Response:
        """Invokes it once, as a caller of Lambda does."""
        payload = json.dumps({} if event is None else event).encode()
        began = time.perf_counter()
        status, headers, body = self._ask("POST", PATH, payload)
        return Response(status, headers, body, time.perf_counter() - began)

    def lines(self, event: str = "") -> list[dict[str, Any]]:
        """The layer's own log lines, of one kind or of all."""
        found = re.findall(r'\{"source":"faultlayer".*\}', self.log)
        records = [json.loads(line) for line in found]
        return [record for record in records if not event or record["event"] == event]

    def runtime_api(self) -> str:
        """AWS_LAMBDA_RUNTIME_API as the runtime's process was started with it."""
        code, output = self.container.exec_run(["/opt/faultlayer/bin/python3", "-ISc", _LOOK])
        assert code == 0, output
        (address,) = set(output.decode().split())
        return str(address)

    def wait(self) -> None:
        """Until the emulator listens; a GET invokes nothing."""
        end = time.monotonic() + _READY
        while True:
            try:
                self._ask("GET", "/")
                return
            except (OSError, http.client.HTTPException) as error:
                if time.monotonic() > end:
                    raise TimeoutError(f"it does not listen:\n{self.log}") from error
                time.sleep(0.02)

    def _ask(
        self, method: str, path: str, payload: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        connection = http.client.HTTPConnection(LOOPBACK, int(self._published["HostPort"]), 30)
        try:
            connection.request(method, path, payload)
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return response.status, named, response.read()
        finally:
            connection.close()


# Of every process outside /opt that runs Python; the extension is inside.
_LOOK = """
import os
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        program = os.readlink(f"/proc/{pid}/exe")
    except OSError:
        continue
    if "python" in program and not program.startswith("/opt/"):
        with open(f"/proc/{pid}/environ") as environ:
            for variable in environ.read().split(chr(0)):
                if variable.startswith("AWS_LAMBDA_RUNTIME_API="):
                    print(variable.partition("=")[2])
"""


@contextlib.contextmanager
def running(
    client: docker.DockerClient,
    image: str,
    variables: Mapping[str, str],
    command: Sequence[str] | None = None,
    **options: Any,
) -> Iterator[Function]:
    """`docker run -p 127.0.0.1::8080`, removed at the end."""
    container = client.containers.create(
        image,
        command if command is None else list(command),
        environment=dict(variables),
        ports={"8080/tcp": (LOOPBACK, None)},
        labels={PREFIX: image},
        **options,
    )
    try:
        container.start()
        function = Function(container)
        function.wait()
        yield function
    finally:
        container.remove(force=True, v=True)
