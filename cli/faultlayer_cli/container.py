"""A function in a Docker container with the layer at /opt, where it cannot be mounted here.

It promises that an engine anywhere will do, also one in a virtual machine that sees none of our
files: the layer and the function's folder are copied, into volumes that the function sees
read-only. The port is published on the loopback address alone, an image is pulled only where it is
missing, and leaving the `with` block leaves neither container nor volume; what a run that was
killed outright had to leave, the next one removes.
The image runs as it is, with its own entrypoint and emulator. Nothing else imports `docker`.
https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import sys
import tarfile
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import IO, Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container as Engines
from docker.models.images import Image
from docker.types import Mount
from docker.utils import parse_repository_tag
from urllib3.exceptions import HTTPError

from faultlayer_cli import checkout
from faultlayer_cli.emulator import LOOPBACK, Answer, Endpoint, described, free_port
from faultlayer_cli.errors import Failure, Mistake
from faultlayer_cli.terminal import say

LABEL = "faultlayer.local"  # its value says which process a container belongs to
_PORT = "8080/tcp"  # where the emulator of AWS's images listens
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "arm64"}
_TROUBLE = (DockerException, OSError, HTTPError)
_PATIENCE = 120  # seconds for the engine to answer one request
_READY = 60.0  # seconds for the emulator to listen: the machine may be an emulated one
_GRACE = 3  # seconds to end by itself: Lambda gives extensions 2
_ERROR = re.compile(r"error|fail|cannot|not found|no such|denied|require", re.IGNORECASE)


def connect() -> docker.DockerClient:
    """The engine that DOCKER_HOST or Docker's current context names."""
    host = os.environ.get("DOCKER_HOST")
    try:
        client = docker.from_env(timeout=_PATIENCE, use_ssh_client=True)
        client.ping()
    except _TROUBLE as error:
        at = f" at {host}" if host else ""
        raise Failure(
            f"no Docker engine answers{at} ({_reason(error)}): start Docker, or name an engine "
            "in DOCKER_HOST"
        ) from None
    return client


class Container(Endpoint):
    """One function in a container of this image, as a context manager.

    `env` is given to the function and the layer as it is. `layer` is the tree for /opt, by default
    the checkout's for the image's architecture. `echo` passes the log on to standard error.
    """

    def __init__(
        self,
        client: docker.DockerClient,
        image: str,
        function_dir: str | Path,
        handler: str = "app.handler",
        *,
        env: Mapping[str, str] | None = None,
        timeout: int = 3,
        memory: int = 128,
        port: int | None = None,
        layer: str | Path | None = None,
        echo: bool = True,
    ) -> None:
        super().__init__(timeout, port or free_port(), echo)
        self.name = f"faultlayer-{uuid.uuid4().hex[:12]}"
        self._client = client
        self._image = image
        self._folder = Path(function_dir).resolve()
        self._handler = handler
        self._env = described(self._folder, timeout, memory) | dict(env or {})
        self._layer = Path(layer).resolve() if layer else None
        self._container: Engines | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        with _told("Docker refuses"):
            _sweep(self._client)
            image = present(self._client, self._image)
            layer = self._layer_for(image)
            container = self._create(image, layer)
            self._launch(container)
        self._wait_until_listening()

    def _layer_for(self, image: Image) -> Path:
        """The layer's tree for the architecture of the image."""
        machine = image.attrs["Architecture"]
        arch = _ARCHITECTURES.get(machine)
        if arch is None:
            raise Failure(f"{self._image} is for {machine}; the layer is for x86_64 and arm64")
        if self._layer is None:
            return checkout.layer(arch)
        with contextlib.suppress(OSError, ValueError, KeyError):
            manifest = json.loads((self._layer / "faultlayer" / "manifest.json").read_bytes())
            if manifest["architecture"] != arch:
                raise Mistake(
                    f"--layer {self._layer} is for {manifest['architecture']}, and "
                    f"{self._image} for {arch}; allowed: a layer for {arch}"
                )
        return self._layer

    def _create(self, image: Image, layer: Path) -> Engines:
        """The container, not started yet, with everything it needs inside.

        Volumes that are read-only for one container must be filled through another one, which is
        never started. What the image itself has in /opt stays; what it has for a function goes.
        """
        root = _variable(image, "LAMBDA_TASK_ROOT") or "/var/task"
        common = {"image": image.id, "command": [self._handler], "labels": {LABEL: _owner()}}
        mounts = [
            Mount("/opt", None, type="volume"),
            Mount(root, None, type="volume", no_copy=True),
        ]
        create = self._client.containers.create
        with _uninterrupted():
            files = create(name=f"{self.name}-files", mounts=mounts, **common)
        _copy(layer, files, "/opt")
        _copy(self._folder, files, root)
        with _uninterrupted():
            container = create(
                name=self.name,
                environment=self._env,
                ports={_PORT: (LOOPBACK, self.port)},
                volumes_from=[f"{files.name}:ro"],
                **common,
            )
        files.remove()  # its volumes go with the other one, which has them now
        return container

    def _launch(self, container: Engines) -> None:
        pieces = container.attach(stream=True)  # before it starts, so that no line is missed
        self._reader = threading.Thread(target=self._read, args=(pieces,), daemon=True)
        self._reader.start()
        self._container = container
        container.start()

    def _read(self, pieces: Iterable[bytes]) -> None:
        with contextlib.suppress(*_TROUBLE, ValueError):  # the engine is gone; so is the container
            for piece in pieces:
                self._log.add(piece)

    def _wait_until_listening(self) -> None:
        """An engine's proxy accepts connections early, so only an answer counts."""
        end = time.monotonic() + _READY
        while time.monotonic() < end:
            if why := self.ended():
                raise Failure(why)
            connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=5)
            try:
                connection.request("GET", "/")  # invokes nothing
                connection.getresponse()
                return
            except (OSError, http.client.HTTPException):
                time.sleep(0.03)
            finally:
                connection.close()
        raise Failure(
            f"the container does not listen on port {_PORT}: does the entrypoint of "
            f"{self._image} start the Runtime Interface Emulator?{self._told()}"
        )

    def _told(self) -> str:
        """The line of the log that says what is wrong, as far as one can tell."""
        lines = [line.strip() for line in self.log.splitlines() if line.strip()]
        found = [line for line in lines if _ERROR.search(line)] or lines or ["it printed nothing"]
        return f": {found[0][:300]}"

    def ended(self) -> str | None:
        if self._container is None:
            return "the container was not started"
        if self._reader is not None and self._reader.is_alive():
            return None
        try:
            self._container.reload()
        except _TROUBLE as error:
            return f"the container is gone: {_reason(error)}"
        state = self._container.attrs["State"]
        if state["Running"]:
            return "the connection to the Docker engine broke"
        memory = ", out of memory" if state.get("OOMKilled") else ""
        code = state["ExitCode"]
        return f"the container ended by itself with exit code {code}{memory}{self._told()}"

    def invoke(
        self,
        payload: bytes = b"{}",
        headers: Mapping[str, str] | None = None,
        *,
        wait: float | None = None,
    ) -> Answer:
        try:
            return super().invoke(payload, headers, wait=wait)
        except Failure as failure:
            if self._reader is not None:
                self._reader.join(1)  # where the container ended, its log does just now
            raise Failure(self.ended() or str(failure)) from None

    def close(self) -> None:
        for name in (self.name, f"{self.name}-files"):
            try:
                _remove(self._client.containers.get(name))
            except NotFound:
                pass
            except _TROUBLE as error:
                say(f"the container {name} could not be removed: {_reason(error)}")
        if self._reader is not None:
            self._reader.join(_GRACE)
        self._client.close()


def present(client: docker.DockerClient, name: str) -> Image:
    """The image of this name, pulled where the engine does not have it."""
    with contextlib.suppress(ImageNotFound):
        return client.images.get(name)
    say(f"fetching {name} (once)")
    repository, tag = parse_repository_tag(name)
    try:
        with _progress(name) as show:
            for event in client.api.pull(repository, tag or "latest", stream=True, decode=True):
                if "error" in event:
                    raise DockerException(event["error"])
                show(event)
        return client.images.get(name)
    except _TROUBLE as error:
        raise Failure(
            f"cannot fetch {name}: {_reason(error)}; --image names another image"
        ) from None


@contextlib.contextmanager
def _progress(name: str) -> Iterator[Any]:
    """Shows the events of a pull as one bar, gone at the end, where somebody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress

    console = Console(stderr=True)
    sizes: dict[str, tuple[int, int]] = {}
    columns = (BarColumn(), DownloadColumn(binary_units=True))
    with Progress(
        *columns, console=console, transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task(name, total=None)

        def show(event: Mapping[str, Any]) -> None:
            detail = event.get("progressDetail") or {}
            if event.get("status") == "Downloading" and detail.get("total"):
                sizes[event["id"]] = (detail["current"], detail["total"])
                done, total = (sum(column) for column in zip(*sizes.values(), strict=True))
                bar.update(task, completed=done, total=total)

        yield show


def _copy(folder: Path, container: Engines, target: str) -> None:
    """Fills a folder of the container's with what is in one of ours, for everybody to read."""

    def readable(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        runs = entry.isdir() or entry.mode & 0o100
        entry.mode |= 0o555 if runs else 0o444
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    with tempfile.TemporaryFile() as file:
        stream: IO[bytes] = file
        with tarfile.open(fileobj=stream, mode="w") as archive:
            archive.add(folder, ".", filter=readable)
        file.seek(0)
        container.put_archive(target, file)


def _variable(image: Image, name: str) -> str | None:
    """A variable that the image sets."""
    pairs = (text.partition("=") for text in image.attrs["Config"].get("Env") or [])
    return next((value for key, _, value in pairs if key == name), None)


def _remove(container: Engines) -> None:
    """Ends it as Lambda does, with some time for the extension's last words."""
    with contextlib.suppress(APIError):  # it never started, or ended just now
        container.stop(timeout=_GRACE)
    container.remove(force=True, v=True)


def _sweep(client: docker.DockerClient) -> None:
    """Removes what processes of this machine left that were killed before they could."""
    machine = _machine()
    with contextlib.suppress(*_TROUBLE):
        filters = {"label": LABEL}
        for container in client.containers.list(all=True, filters=filters, ignore_removed=True):
            where, _, process = container.labels[LABEL].rpartition(" ")
            if where == machine and process.isdigit() and not _lives(int(process)):
                container.remove(force=True, v=True)


def _owner() -> str:
    return f"{_machine()} {os.getpid()}"


def _machine() -> str:
    """What tells this machine's processes from those of others that share the engine."""
    try:
        return f"{Path('/proc/self/ns/pid').readlink()} {Path(_BOOT).read_text().strip()}"
    except OSError:
        return socket.gethostname()


_BOOT = "/proc/sys/kernel/random/boot_id"


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _reason(error: BaseException) -> str:
    """In one line, what the engine or the system said."""
    said = str(getattr(error, "explanation", None) or error)
    deeper: BaseException | None = error
    while deeper is not None:
        if isinstance(deeper, OSError) and deeper.strerror and not isinstance(error, APIError):
            said = deeper.strerror
        deeper = deeper.__cause__ or deeper.__context__
    return " ".join(said.split())[:300]


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Turns what the engine has to say into one line of ours."""
    try:
        yield
    except DockerException as error:
        raise Failure(f"{what}: {_reason(error)}") from None
    except HTTPError as error:
        raise Failure(f"the Docker engine is gone: {_reason(error)}") from None


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Holds a request to end back until the engine has answered: it would create a container all
    the same, and nobody would know of it."""
    held: list[int] = []

    def hold(signum: int, frame: FrameType | None) -> None:
        held.append(signum)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    try:
        before = [signal.signal(number, hold) for number in numbers]
    except ValueError:  # no signal reaches any other thread than the first
        yield
        return
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    if held:
        raise KeyboardInterrupt
