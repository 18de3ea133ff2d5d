"""The only door to Docker, for `faultlayer local`.

Every error of an engine becomes a Failure of one line. Every container that is created is labelled,
so that it can be removed. The engine need not see our files, nor we its network. Nothing else
imports `docker`. https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import Mount
from docker.utils import parse_repository_tag
from urllib3.exceptions import HTTPError

from faultlayer_cli import interrupts
from faultlayer_cli.errors import Failure
from faultlayer_cli.progress import BYTES, SILENT, Progress
from faultlayer_cli.running import links

LABEL = "faultlayer.local"  # its value says which process a container or a volume belongs to
TROUBLE = (DockerException, OSError, HTTPError)
_ENVIRONMENT = "Env"
_PATIENCE = 120  # seconds for the engine to answer one request
_GRACE = 3  # seconds for a container to end by itself: Lambda gives extensions 2
_GATEWAY_SINCE = (1, 41)  # version of the API, of Docker 20.10
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_STDOUT, _STDERR = 1, 2  # the numbers of the streams that an engine multiplexes


@dataclass(frozen=True)
class Image:
    """An image, as far as it must be known before it runs."""

    name: str
    id: str
    machine: str
    env: Mapping[str, str]


class ProcessStream:
    """A connection to a process in a container.

    Its output is read without a time limit, and not through `docker`, which waits on the socket
    although TLS has read the data from it already."""

    def __init__(self, stream: Any, wanted: Sequence[int]) -> None:
        self._socket = getattr(stream, "_sock", stream)
        self._socket.settimeout(None)
        self._stream = stream  # which closes the socket when it is forgotten
        self._wanted = wanted

    @property
    def pieces(self) -> Iterator[bytes]:
        """The output of the process, as it comes."""
        while len(header := self._socket.recv(8)) > 0:
            while len(header) < 8:
                header += self._socket.recv(8 - len(header)) or b"\0" * 8  # it was cut off
            number, size = struct.unpack_from(">BxxxL", header)
            while size > 0 and (piece := self._socket.recv(min(size, 65536))):
                size -= len(piece)
                if number in self._wanted:
                    yield piece

    def send(self, piece: bytes) -> None:
        self._socket.sendall(piece)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # it hung up first
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def connect(progress: Progress = SILENT) -> Engine:
    """The engine that DOCKER_HOST or Docker's current context names."""
    host = os.environ.get("DOCKER_HOST")
    try:
        client = docker.from_env(timeout=_PATIENCE, use_ssh_client=True)
        client.ping()
    except TROUBLE as error:
        at = f" at {host}" if host else ""
        raise Failure(
            f"no Docker engine answers{at} ({reason(error)}): start Docker, or name an engine in "
            "DOCKER_HOST"
        ) from None
    return Engine(client, progress)


class Engine:
    """A Docker engine that answers, anywhere."""

    def __init__(self, client: docker.DockerClient, progress: Progress = SILENT) -> None:
        self._client = client
        self._progress = progress

    def publishes_here(self) -> bool:
        """True if a port on the engine's loopback address is one on ours.

        It is not if the engine is on another machine, or if we run in one of its containers.
        """
        base = str(self._client.api.base_url)
        if base == "http+docker://ssh":
            return False
        if urlsplit(base).hostname not in ("localhost", "localnpipe", "127.0.0.1", "::1"):
            return False
        try:
            self._client.containers.get(socket.gethostname())
        except TROUBLE:
            return True
        return False

    def image(self, name: str) -> Image:
        """The image of this name, pulled if the engine does not have it."""
        try:
            try:
                found = self._client.images.get(name)
            except ImageNotFound:
                self._pull(name)
                found = self._client.images.get(name)
        except TROUBLE as error:
            raise Failure(
                f"cannot fetch {name}: {reason(error)}; --image names another image"
            ) from None
        pairs = (text.partition("=") for text in found.attrs["Config"].get(_ENVIRONMENT) or [])
        env = {name: value for name, _, value in pairs}
        return Image(name, found.id, found.attrs["Architecture"], env)

    def _pull(self, name: str) -> None:
        self._progress.note(f"fetching {name} (once)")
        repository, tag = parse_repository_tag(name)
        sizes: dict[str, tuple[int, int]] = {}
        pull = self._client.api.pull
        with self._progress.counting("", BYTES) as count:
            for event in pull(repository, tag or "latest", stream=True, decode=True):
                if "error" in event:
                    raise DockerException(event["error"])
                detail = event.get("progressDetail") or {}
                if "Downloading" in event.values() and detail.get("total"):
                    sizes[event["id"]] = (detail["current"], detail["total"])
                    done, total = (sum(column) for column in zip(*sizes.values(), strict=True))
                    count(done, total)

    def knows_gateway(self) -> bool:
        """True if the engine has `host-gateway`, as Docker since 20.10."""
        with told():
            version = str(self._client.version().get("ApiVersion", "0"))
        return tuple(map(int, re.findall(r"[0-9]+", version))) >= _GATEWAY_SINCE

    def create(self, name: str, image: Image, command: Sequence[str], **options: Any) -> Any:
        """A container, labelled as ours and not started yet."""
        with told(), _uninterrupted():
            return self._client.containers.create(
                image.id, list(command), name=name, labels={LABEL: _owner()}, **options
            )

    def fill(self, container: Any, target: str, folder: Path) -> None:
        """Copy the content of a folder of ours into one of the container's, for all to read."""
        with tempfile.TemporaryFile() as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                archive.add(folder, ".", filter=_portable)
            file.seek(0)
            with told():
                container.put_archive(target, file)

    def dial(self, container: Any, program: Sequence[str]) -> ProcessStream:
        """Run a program in the container, and connect to it."""
        with told():
            api = self._client.api
            started = api.exec_create(container.id, list(program), stdin=True, stderr=False)
            stream = api.exec_start(started["Id"], socket=True)
        return ProcessStream(stream, [_STDOUT])

    def launch(self, container: Any) -> ProcessStream:
        """Start a container and follow its output from the first line."""
        both = {"stdout": 1, "stderr": 1, "stream": 1}
        with told():
            wire = ProcessStream(container.attach_socket(params=both), [_STDOUT, _STDERR])
            container.start()
        return wire

    def remove(self, name: str) -> None:
        """End a container as Lambda does, if there is one, and remove it.

        If it cannot be removed, a note says so. Nothing is raised, since the caller may be
        handling a failure already.
        """
        try:
            container = self._client.containers.get(name)
            with contextlib.suppress(APIError):  # it never started, or ended just now
                container.stop(timeout=_GRACE)
            container.remove(force=True, v=True)
        except NotFound:
            pass
        except TROUBLE as error:
            self._progress.note(f"the container {name} could not be removed: {reason(error)}")

    def sweep(self) -> None:
        """Remove containers of processes of this machine that were killed before they could."""
        with contextlib.suppress(*TROUBLE):
            filters = {"label": LABEL}
            left = self._client.containers.list(all=True, filters=filters, ignore_removed=True)
            for container in left:
                machine, _, process = container.labels[LABEL].rpartition(" ")
                if machine == _machine() and process.isdigit() and not _lives(int(process)):
                    container.remove(force=True, v=True)

    def close(self) -> None:
        self._client.close()


def volume(target: str, *, empty: bool) -> Any:
    """A volume that is removed with its container. Not empty: it starts with the image's files."""
    return Mount(target, None, type="volume", no_copy=empty, labels={LABEL: _owner()})


def reason(error: BaseException) -> str:
    """The error of the engine or the system, in one line."""
    said = str(getattr(error, "explanation", None) or error)
    deeper: BaseException | None = error
    while deeper is not None and not isinstance(error, APIError):
        if isinstance(deeper, OSError) and deeper.strerror:
            said = deeper.strerror
        deeper = deeper.__cause__ or deeper.__context__
    return " ".join(said.split())[:300]


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turn every error of the engine into a Failure of one line."""
    try:
        yield
    except APIError as error:
        raise Failure(f"Docker refuses: {reason(error)}") from None
    except TROUBLE as error:
        raise Failure(f"Docker: {reason(error)}") from None


def _portable(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """As Lambda has it: root's, and everybody may read it. Links that lead out of the folder and
    special files are left out: an engine refuses an archive with such links as a whole."""
    if not (entry.isreg() or entry.isdir() or entry.issym() or entry.islnk()):
        return None
    if entry.issym() and links.leads_out(entry.name, entry.linkname):
        return None
    entry.mode |= 0o555 if entry.isdir() or entry.mode & 0o100 else 0o444
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Delay Ctrl-C until the engine has answered.

    The engine would create the container all the same, and nobody would know of it."""
    held: list[int] = []
    with interrupts.handled(held.append):
        yield
    if held:
        raise KeyboardInterrupt


def _owner() -> str:
    return f"{_machine()} {os.getpid()}"


def _machine() -> str:
    """A name that tells this machine's processes from those of others that share the engine."""
    try:
        return f"{Path('/proc/self/ns/pid').readlink()} {_BOOT.read_text().strip()}"
    except OSError:
        return socket.gethostname()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
