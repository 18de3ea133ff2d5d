"""The real `sam` command: set up in an environment of its own, run, and asked over its servers.

It sees nothing of this user's: no configuration, no credentials, no variables, which `sam local`
would hand on to functions.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faultlayer_cli.running import downloads
from faultlayer_cli.running.ports import LOOPBACK, free_port

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ROOT / ".venv-sam" / "bin" / "sam"
TEMPLATE = ROOT / "template.yaml"
REGION = "eu-west-1"
_READY = ".venv-sam/.ready"
_LIMIT = 300.0  # seconds for one command
_SETUP = 600.0  # seconds to install it: 340 MB
_SLOW = 60.0  # seconds for a server to listen, or to answer
_BORROWED = ("PATH", "LANG", "DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")


class Unavailable(Exception):
    """The command cannot be set up; says why, in one line."""


def set_up() -> None:
    """What `make sam` does; nothing where that is done already."""
    with Path(ROOT, ".cache", "sam.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = ["make", "--no-print-directory", f"PYTHON={downloads.interpreter()}", _READY]
        try:
            done = subprocess.run(
                command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=_SETUP
            )
        except OSError as error:
            raise Unavailable(f"the SAM command line cannot be set up: {error}") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "ERROR" in line] or ["see make sam"]
        raise Unavailable(f"the SAM command line cannot be set up: {lines[0][:200]}")


@dataclass
class Said:
    """What a command did. `sam local` puts the answer on one stream and the log on the other."""

    code: int
    out: str
    log: str

    @property
    def answer(self) -> Any:
        return json.loads(self.out)


@dataclass
class Server:
    """`sam local start-api` or `start-lambda`."""

    url: str
    file: Path

    @property
    def log(self) -> str:
        return self.file.read_text(errors="replace")

    def injected(self, count: int) -> list[dict[str, Any]]:
        """That many injections, which may arrive after the answers."""
        end = time.monotonic() + 10
        while len(found := lines(self.log, "fault_injected")) < count and time.monotonic() < end:
            time.sleep(0.05)
        return found

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON body of a GET."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=_SLOW) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


@dataclass
class Sam:
    """The command, with a home of its own."""

    home: Path
    variables: Mapping[str, str]

    def run(self, *arguments: str | Path, folder: Path = ROOT) -> Said:
        command = [COMMAND, *arguments]
        done = subprocess.run(
            command,
            cwd=folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    @contextlib.contextmanager
    def serve(self, what: str, *arguments: str | Path) -> Iterator[Server]:
        """A server that listens, until the end; `sam` takes its containers with it."""
        port = free_port()
        log = self.home / f"{what}-{port}.log"
        place = ["--host", LOOPBACK, "--port", str(port)]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [COMMAND, "local", what, *place, *arguments],
                cwd=ROOT,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            _wait(process, port, log)
            yield Server(f"http://{LOOPBACK}:{port}", log)
        finally:
            process.terminate()
            try:
                process.wait(_SLOW)
            except subprocess.TimeoutExpired:
                process.kill()
                raise

    def environment(self) -> dict[str, str]:
        borrowed = {name: os.environ[name] for name in _BORROWED if name in os.environ}
        return {
            **borrowed,
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_CHECK_UPDATES": "0",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.variables,
        }


def parameters(given: Mapping[str, str]) -> list[str]:
    """Parameters of the template, quoted as its first lines say."""
    quoted = [
        '{}="{}"'.format(name, text.replace('"', '\\"')) for name, text in sorted(given.items())
    ]
    return ["--parameter-overrides", *quoted]


def lines(log: str, event: str = "") -> list[dict[str, Any]]:
    """The layer's own lines in a log, of one kind or of all."""
    records = [json.loads(line) for line in re.findall(r'\{"source":"faultlayer".*\}', log)]
    return [record for record in records if not event or record["event"] == event]


def durations(log: str) -> list[float]:
    """How long the invocations took in milliseconds, as Lambda reports it."""
    return [float(text) for text in re.findall(r"\tDuration: ([\d.]+) ms", log)]


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + _SLOW
    while True:
        try:
            socket.create_connection((LOOPBACK, port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                said = log.read_text(errors="replace")[-2000:]
                raise AssertionError(f"it does not listen:\n{said}") from None
            time.sleep(0.1)
