"""A function in a Docker container with the layer at /opt.

Any engine will do, also one in a virtual machine that sees none of our files: the layer and the
function's folder are copied into volumes, which the function sees read-only. The port is on the
loopback address alone. An image is pulled only if it is missing. Leaving the `with` block leaves no
container and no volume; if a run was killed outright, the next one removes them.
The image runs as it is, with its own entrypoint and emulator.
https://docs.aws.amazon.com/lambda/latest/dg/images-test.html
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faultlayer_cli.errors import Failure, Mistake
from faultlayer_cli.layers import built
from faultlayer_cli.progress import SILENT, Progress
from faultlayer_cli.running import host_names, http_client, port_relay
from faultlayer_cli.running.docker_engine import (
    TROUBLE,
    Engine,
    Image,
    ProcessStream,
    reason,
    volume,
)
from faultlayer_cli.running.emulator import Endpoint, described
from faultlayer_cli.running.http_client import Response
from faultlayer_cli.running.local_function import LocalFunction
from faultlayer_cli.running.ports import LOOPBACK

_PORT = "8080/tcp"  # the port of the emulator in AWS's images
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "arm64"}
_READY = 60.0  # seconds for the emulator to listen: the machine may be an emulated one
_LAST_WORDS = 3.0  # seconds for the log to end once the container has
_ERROR = re.compile(r"error|fail|cannot|not found|no such|no module|denied|require", re.IGNORECASE)


class Container(Endpoint):
    """One function in a container of this image, as a context manager.

    The layer that comes with this command is taken for the image's architecture. `progress` gets
    the log, `log` has its last `log_size` bytes (None: all). /tmp is memory; all else is read-only.
    """

    def __init__(
        self,
        engine: Engine,
        image: str,
        function: LocalFunction,
        *,
        port: int | None = None,
        progress: Progress = SILENT,
        log_size: int | None = None,
    ) -> None:
        super().__init__(function, port, progress, log_size)
        self._progress = progress
        self.name = f"faultlayer-{uuid.uuid4().hex[:12]}"
        self._engine = engine
        self._image = image
        size = f",size={function.storage}m" if function.storage else ""
        self._tmp = {"/tmp": f"rw,exec,mode=1777{size}"}
        self._container: Any = None
        self._reader: threading.Thread | None = None
        self._relay: port_relay.Relay | None = None

    def environment(self) -> dict[str, str]:
        """The variables that the container adds to those of its image."""
        values = {**described(self.function), **self.function.env}
        return {name: text for name, text in values.items() if text is not None}

    def start(self) -> None:
        self._engine.sweep()
        image = self._engine.image(self._image)
        self._layer = layer = self._layer_for(image)
        published = self._engine.publishes_here()
        self._container = container = self._create(image, layer, published)
        if not published:
            self._relay = port_relay.Relay(
                (LOOPBACK, self.port), lambda: self._engine.dial(container, port_relay.COMMAND)
            )
        wire = self._engine.launch(container)
        self._reader = threading.Thread(target=self._read, args=(wire,), daemon=True)
        self._reader.start()
        self._wait_until_listening()

    def _layer_for(self, image: Image) -> Path:
        """The layer's tree for the architecture of the image."""
        arch = _ARCHITECTURES.get(image.machine)
        if arch is None:
            raise Failure(f"{image.name} is for {image.machine}; the layer is for x86_64 and arm64")
        if self._layer is None:
            return built.tree(arch, self._progress)
        with contextlib.suppress(OSError, ValueError, KeyError):
            manifest = json.loads((self._layer / "faultlayer" / "manifest.json").read_bytes())
            if manifest["architecture"] != arch:
                raise Mistake(
                    f"--layer {self._layer} is for {manifest['architecture']}; allowed: one for "
                    f"{arch}, as {image.name} is"
                )
        return self._layer

    def _create(self, image: Image, layer: Path, published: bool) -> Any:
        """The container, not started yet, with everything it needs inside.

        Volumes that are read-only for one container must be filled through another one, which is
        never started and owns them to the end. The image's files in /opt stay; those of its
        function do not.
        """
        root = image.env.get("LAMBDA_TASK_ROOT") or "/var/task"
        files = self._engine.create(
            f"{self.name}-files",
            image,
            [self.function.handler],
            mounts=[volume("/opt", empty=False), volume(root, empty=True)],
        )
        self._engine.fill(files, "/opt", layer)
        self._engine.fill(files, root, self.folder)
        return self._engine.create(
            self.name,
            image,
            [self.function.handler],
            environment=self.environment(),
            ports={_PORT: (LOOPBACK, self.port)} if published else {},
            volumes_from=[f"{files.name}:ro"],
            tmpfs=self._tmp,
            extra_hosts=self._hosts(),
            # As in Lambda: /tmp alone is writable, and no process has a right of root's.
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
        )

    def _hosts(self) -> dict[str, str]:
        """Names for the container: the function's, and this machine's if known.

        The engine must know the address of this machine.
        """
        names = dict(self.function.hosts)
        if self._engine.knows_gateway():
            return {host_names.MACHINE: host_names.GATEWAY, **names}
        if host_names.GATEWAY in names.values():
            raise Mistake(
                f"--add-host with {host_names.GATEWAY} needs Docker 20.10 or later; allowed here: "
                "an address of this machine"
            )
        return names

    def _read(self, wire: ProcessStream) -> None:
        with contextlib.closing(wire), contextlib.suppress(OSError):  # the engine went away
            for piece in wire.pieces:
                self._log.add(piece)

    def _wait_until_listening(self) -> None:
        """Wait for an answer: a proxy in between accepts connections too early to count."""
        end = time.monotonic() + _READY
        while time.monotonic() < end:
            if why := self.ended():
                raise Failure(why)
            try:
                http_client.send("GET", f"http://{LOOPBACK}:{self.port}/", limit=5)
            except http_client.NoAnswer:
                time.sleep(0.03)
            else:
                return  # and nothing was invoked
        raise Failure(
            f"nothing answers on port {_PORT} of the container: does the entrypoint of "
            f"{self._image} start the Runtime Interface Emulator? {self._first_error()}"
        )

    def _first_error(self) -> str:
        """The line of the log that most likely names the cause."""
        lines = [line.strip() for line in self.log.splitlines() if line.strip()]
        found = [line for line in lines if _ERROR.search(line)] or lines or ["it printed nothing"]
        return found[0][:300]

    def ended(self) -> str | None:
        if self._reader is None:
            return "the container was not started"
        if self._reader.is_alive():
            return None
        try:
            self._container.reload()
        except TROUBLE as error:
            return f"the container is gone: {reason(error)}"
        state = self._container.attrs["State"]
        if state["Running"]:
            return "the connection to the Docker engine broke"
        memory = ", out of memory" if state.get("OOMKilled") else ""
        code = f"exit code {state['ExitCode']}{memory}"
        return f"the container ended by itself with {code}: {self._first_error()}"

    def invoke(
        self,
        payload: bytes = b"{}",
        headers: Mapping[str, str] | None = None,
        *,
        wait: float | None = None,
    ) -> Response:
        try:
            return super().invoke(payload, headers, wait=wait)
        except Failure as failure:
            if self._reader is not None:
                self._reader.join(1)  # a container that ended ends its log just now
            raise type(failure)(self.ended() or str(failure)) from None

    def close(self) -> None:
        if self._relay is not None:
            self._relay.close()
        for name in (self.name, f"{self.name}-files"):
            self._engine.remove(name)
        if self._reader is not None:
            self._reader.join(_LAST_WORDS)
        self._ports.close()
        self._engine.close()
