"""A function under AWS's Lambda Runtime Interface Emulator, with the layer at /opt.

The function sees an environment like Lambda's, not the caller's. Several emulators can run at once.
Leaving the `with` block leaves no process and no file.
https://github.com/aws/aws-lambda-runtime-interface-emulator
"""

from __future__ import annotations

import abc
import contextlib
import http
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, TypeVar

from faultlayer_cli.errors import Failure
from faultlayer_cli.layers import built
from faultlayer_cli.progress import SILENT, Output, Progress
from faultlayer_cli.running import downloads, host_names, http_client, interpreter, namespaces
from faultlayer_cli.running.clients import PYTHON, client_of
from faultlayer_cli.running.http_client import Response
from faultlayer_cli.running.local_function import LocalFunction
from faultlayer_cli.running.ports import LOOPBACK, Port

PATH = "/2015-03-31/functions/function/invocations"
REQUEST_ID = "X-Amzn-RequestId"  # the header by which a caller chooses it
WRAPPER = "/opt/faultlayer-wrapper"
TASK = "/var/task"  # the function's code
RUNTIME = "/var/runtime"  # the runtime client and its bootstrap
_RAPID = "/var/rapid/aws-lambda-rie"  # the emulator, as in AWS's own images
_PATH = "/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin"  # as in Lambda
_INHERITED = ("LANG", "LC_ALL")
_READY = 10.0  # seconds for the emulator to listen
_GRACE = 3.0  # seconds to end by itself: Lambda gives extensions 2
# The emulator's own race: it starts the next environment before it is done with the news of the
# last one's end, and then takes that for news of the new one. Nothing was started: ask again.
_LOST = b"Error: ErrGateCanceled"
_TRIES = 4
_Endpoint = TypeVar("_Endpoint", bound="Endpoint")


def described(function: LocalFunction) -> dict[str, str]:
    """The variables that Lambda sets for a function that has the layer."""
    name = function.folder.resolve().name or "function"
    given = function.env.get("AWS_REGION") or function.env.get("AWS_DEFAULT_REGION")
    region = given or "us-east-1"  # some SDKs read the one, some the other
    return {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_SESSION_TOKEN": "example",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_LAMBDA_EXEC_WRAPPER": WRAPPER,
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
    }


class Log:
    """The output of all processes so far, also passed on as it comes.

    Of a run without an end only the last `size` bytes are kept (None: all).
    """

    def __init__(self, echo: Output, size: int | None = None) -> None:
        self._echo = echo
        self._size = size
        self._data = bytearray()
        self._changed = threading.Condition()

    @property
    def text(self) -> str:
        with self._changed:
            return self._data.decode("utf-8", "replace")

    def add(self, piece: bytes) -> None:
        with self._changed:
            self._data += piece
            if self._size is not None:
                del self._data[: -self._size]
            self._changed.notify_all()
        self._echo(piece)

    def copy(self, stream: IO[bytes]) -> None:
        """Take the stream until its end."""
        with contextlib.closing(stream):
            while piece := os.read(stream.fileno(), 65536):
                self.add(piece)

    def wait_for(self, wanted: str, timeout: float) -> str:
        """The first line that contains this, as soon as it is there. Raises TimeoutError."""
        with self._changed:
            if self._changed.wait_for(lambda: wanted.encode() in self._data, timeout):
                return next(line for line in self.text.splitlines() if wanted in line)
        raise TimeoutError(f"no {wanted!r} within {timeout} s in the log:\n{self.text}")


class NotRunning(Failure):
    """An invocation never began, since nothing listens."""


class Endpoint(abc.ABC):
    """A function that answers here, and its log: the same for each way to run one."""

    def __init__(
        self,
        function: LocalFunction,
        port: int | None,
        progress: Progress,
        log_size: int | None = None,
    ) -> None:
        self.function = function
        self.folder = function.folder.resolve()
        self._layer = function.layer.resolve() if function.layer else None
        self._ports = contextlib.ExitStack()  # held until it is closed
        self.port = port or self._take_port()
        self._log = Log(progress.output(), log_size)

    @abc.abstractmethod
    def start(self) -> None:
        """Return as soon as it answers. Raises Failure with the reason if it never does."""

    @abc.abstractmethod
    def ended(self) -> str | None:
        """The reason why it ended by itself; None if it did not."""

    @abc.abstractmethod
    def close(self) -> None:
        """Stop, and remove the remains of the run."""

    def _take_port(self) -> int:
        return self._ports.enter_context(contextlib.closing(Port())).number

    @property
    def layer(self) -> Path | None:
        """The tree at /opt; None if it has not started and none was named."""
        return self._layer

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}{PATH}"

    @property
    def log(self) -> str:
        return self._log.text

    def wait_for_log(self, wanted: str, timeout: float = 5.0) -> str:
        """The first line of the log that contains this. Raises TimeoutError if none comes."""
        return self._log.wait_for(wanted, timeout)

    def __enter__(self: _Endpoint) -> _Endpoint:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def invoke(
        self,
        payload: bytes = b"{}",
        headers: Mapping[str, str] | None = None,
        *,
        wait: float | None = None,
    ) -> Response:
        """Invoke the function once, as a caller of Lambda does, and wait for the answer."""
        limit = self.function.timeout + 30.0 if wait is None else wait
        for _ in range(_TRIES):
            answer = self._invoke(payload, headers or {}, limit)
            if answer.status != http.HTTPStatus.BAD_GATEWAY or _LOST not in answer.body:
                break
        return answer

    def _invoke(self, payload: bytes, headers: Mapping[str, str], limit: float) -> Response:
        try:
            return http_client.send("POST", self.url, payload, headers, limit=limit)
        except http_client.Refused:
            raise NotRunning("the emulator does not listen") from None
        except http_client.NoAnswer as error:
            raise Failure(f"the emulator gave no answer: {error}") from None


class Emulator(Endpoint):
    """One function under the emulator, as a context manager.

    `bootstrap` is the command that starts the runtime, by default the Python one. `progress` gets
    the log, unless `echo` is false; `log` has its last `log_size` bytes (None: all). `tmp` is the
    function's /tmp, unless that is in memory.

    The function sees its own folder at /var/task. A bootstrap from elsewhere is at /var/runtime,
    with what lies beside it. `shown` adds more of the host, by the path that the function sees. All
    of that is read-only.
    """

    capabilities: Sequence[str] = ("dac_override",)

    def __init__(
        self,
        function: LocalFunction,
        *,
        port: int | None = None,
        bootstrap: Path | None = None,
        shown: Mapping[str, Path] | None = None,
        echo: bool = True,
        progress: Progress = SILENT,
        log_size: int | None = None,
    ) -> None:
        self._client = client_of(function)
        super().__init__(function, port, progress if echo else SILENT, log_size)
        self._progress = progress
        self.api_port = self._take_port()
        self._bootstrap = bootstrap.resolve() if bootstrap else None
        self._shown = dict(shown or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._scratch = tempfile.TemporaryDirectory(prefix="faultlayer-")
        self.tmp = Path(self._scratch.name, "tmp")
        self.tmp.mkdir(mode=0o700)
        self._root = Path(self._scratch.name, "root")
        self._root.mkdir(mode=0o700)

    def environment(self) -> dict[str, str]:
        """The variables of the function's and the layer's processes."""
        values: dict[str, str | None] = {key: os.environ.get(key) for key in _INHERITED}
        values |= described(self.function)
        values |= {
            "LAMBDA_TASK_ROOT": TASK,
            "PATH": _PATH,
            "TZ": ":UTC",
        }
        if self._bootstrap is None:
            values |= {"LAMBDA_RUNTIME_DIR": RUNTIME, **self._client.variables()}
        else:
            values |= {"AWS_EXECUTION_ENV": PYTHON, **interpreter.found().variables}
        values |= self.function.env
        return {key: value for key, value in values.items() if value is not None}

    def _see(self, rie: Path, layer: Path) -> tuple[str, dict[str, Path]]:
        """The bootstrap's path as the function sees it, and all other paths that it sees."""
        shown = {_RAPID: rie, "/opt": layer, TASK: self.folder, **self._hosts()}
        if self._bootstrap is None:
            bootstrap = f"{RUNTIME}/bootstrap"
            shown[bootstrap] = downloads.DATA / "bootstrap"
            return bootstrap, shown | self._client.shown(self._progress) | self._shown
        shown |= interpreter.found().shown
        if self._bootstrap.is_relative_to(self.folder):
            bootstrap = f"{TASK}/{self._bootstrap.relative_to(self.folder)}"
        else:
            bootstrap = f"{RUNTIME}/{self._bootstrap.name}"
            shown[RUNTIME] = self._bootstrap.parent
        return bootstrap, shown | self._shown

    def _hosts(self) -> dict[str, Path]:
        """The /etc/hosts with the function's own names, if it has any."""
        if not self.function.hosts:
            return {}
        path = Path(self._scratch.name, "hosts")
        machines = host_names.PATH.read_text() if host_names.PATH.exists() else ""
        path.write_text(host_names.hosts_file(self.function.hosts, machines))
        return {str(host_names.PATH): path}

    def start(self) -> None:
        """Start the emulator; the function itself starts with the first invocation."""
        rie = downloads.emulator(self._progress)
        # Found once: a restart must not change the layer under a run.
        self._layer = layer = self._layer or built.tree(downloads.architecture(), self._progress)
        bootstrap, shown = self._see(rie, layer)
        program = [
            _RAPID,
            "--runtime-interface-emulator-address", f"{LOOPBACK}:{self.port}",
            "--runtime-api-address", f"{LOOPBACK}:{self.api_port}",
            bootstrap, self.function.handler,
        ]  # fmt: skip
        box = namespaces.Box(
            root=self._root,
            shown=shown,
            tmp=self.tmp,
            folder=TASK,
            hidden=interpreter.found().packages,
            storage=self.function.storage,
            capabilities=self.capabilities,
        )
        self._launch(box.command(program), self.environment())
        self._wait_until_listening()

    def _launch(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=True,  # so that Ctrl-C on the terminal reaches us alone
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(
            target=self._log.copy, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()

    def _wait_until_listening(self) -> None:
        assert self._process is not None
        end = time.monotonic() + _READY
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, self.port), 1):
                return
            time.sleep(0.01)
        lines = self.log.strip().splitlines() or ["it printed nothing"]
        raise Failure(f"the emulator did not start: {lines[0]}")

    def ended(self) -> str | None:
        if self._process is None or self._process.poll() is not None:
            return "the emulator ended by itself (see above)"
        return None

    def restart(self) -> None:
        """Start a fresh execution environment at the same address; the log goes on."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """End every process: the emulator first, which shuts down as Lambda does."""
        process, self._process = self._process, None
        if process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
                break
        if self._reader is not None:
            self._reader.join(_GRACE)

    def close(self) -> None:
        """Stop, and remove the files of the run."""
        try:
            self.stop()
        finally:
            self._ports.close()
            self._scratch.cleanup()
