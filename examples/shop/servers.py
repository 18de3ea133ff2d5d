"""PostgreSQL and Redis from Debian's packages, each for a `with` block.

Each listens on a loopback address and a free port. All files are in a temporary folder. PostgreSQL
refuses to run as root, so root runs both as another user.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

OWNER = "shop"  # of the database, and its name
_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")  # Debian's, and Red Hat's
_READY = 30.0  # seconds until a server answers
_GRACE = 5.0  # seconds to end by itself
# Nothing of it is kept, so it need not reach a disk.
_THROWAWAY = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "16MB"}


class Missing(Exception):
    """A program is missing; the message has the command that installs it."""


class NotStarted(Exception):
    """A server did not start; the message ends with its log."""


@dataclass(frozen=True)
class Server:
    """A running server: its address, and its process."""

    host: str
    port: int
    process: subprocess.Popen[bytes]


def postgres_programs() -> Path:
    """The newest folder of `postgres`, `initdb` and `psql`. Raises Missing."""
    places = [Path(each) for each in os.get_exec_path()]
    for pattern in _FOLDERS:
        found = Path("/").glob(pattern.lstrip("/"))
        places = sorted(found, key=_version, reverse=True) + places
    for place in places:
        if all((place / name).exists() for name in ("postgres", "initdb", "psql")):
            return place
    raise Missing("PostgreSQL is missing (Debian: apt-get install postgresql)")


def _version(folder: Path) -> int:
    return int(re.sub(r"\D", "", folder.parent.name) or 0)


def redis_program() -> str:
    """The path of `redis-server`, or of Valkey's. Raises Missing."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        raise Missing("Redis is missing (Debian: apt-get install redis-server)")
    return found


@contextlib.contextmanager
def postgres(
    host: str = "127.0.0.1", port: int | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """A PostgreSQL server without passwords.

    Its database `shop` belongs to its user `shop`.

    `settings` are those of postgresql.conf.
    """
    programs = postgres_programs()
    with _folder() as folder:
        data = folder / "data"
        setup = [str(programs / "initdb"), "--pgdata", str(data), "--username", OWNER]
        _run([*setup, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"])
        number = port or free_port(host)
        command = [str(programs / "postgres"), "-D", str(data), "-h", host, "-p", str(number)]
        for name, value in (
            _THROWAWAY | {"unix_socket_directories": ""} | (settings or {})
        ).items():
            command += ["-c", f"{name}={value}"]
        query = psql(host, number, "select 1", database="postgres")

        def ready() -> bool:
            return (
                subprocess.run(query, check=False, capture_output=True, timeout=_READY).returncode
                == 0
            )

        with _running(command, folder, host, number, ready) as server:
            _run(psql(host, number, f"create database {OWNER}", database="postgres"))
            yield server


def run_psql(host: str, port: int, statements: str) -> str:
    """The rows of these statements, without their heads."""
    return _run(psql(host, port, statements)).strip()


def psql(host: str, port: int, statements: str, database: str = OWNER) -> list[str]:
    """The command that runs these statements and fails with the first failure."""
    program = str(postgres_programs() / "psql")
    where = ["--host", host, "--port", str(port), "--username", OWNER, "--dbname", database]
    options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]
    return [program, *options, *where, "--command", statements]


@contextlib.contextmanager
def redis(
    host: str = "127.0.0.1", port: int | None = None, options: Sequence[str] = ()
) -> Iterator[Server]:
    """A Redis server without files.

    `options`: further words of its command line.
    """
    program = redis_program()
    with _folder() as folder:
        number = port or free_port(host)
        command = [program, "--bind", host, "--port", str(number), "--save", "", *options]

        def ready() -> bool:
            return redis_command(host, number, "PING") == b"+PONG\r\n"

        with _running([*command, "--dir", str(folder)], folder, host, number, ready) as server:
            yield server


def redis_command(host: str, port: int, *words: str) -> bytes:
    """Redis's answer to a command, as it comes; raises OSError."""
    parts = [word.encode() for word in words]
    message = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(p), p) for p in parts)
    with socket.create_connection((host, port), timeout=_READY) as connection:
        connection.sendall(message)
        return connection.recv(65536)


def free_port(host: str = "127.0.0.1", wanted: int = 0) -> int:
    """The wanted port if it is free at this address, else another."""
    for number in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, number))
            return int(probe.getsockname()[1])
    raise NotStarted(f"no port is free at {host}")


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A temporary folder of the servers' user."""
    with tempfile.TemporaryDirectory(prefix="faultlayer-", ignore_cleanup_errors=True) as name:
        if os.geteuid() == 0:
            user = server_user()
            os.chown(name, user.pw_uid, user.pw_gid)
        yield Path(name)


def server_user() -> pwd.struct_passwd:
    """The servers' user if this process is root."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise NotStarted("PostgreSQL refuses to run as root, and there is no user nobody")


def _as_user(command: Sequence[str]) -> list[str]:
    """The command as a user other than root.

    It ends if this process dies.
    """
    options = ["--pdeathsig", "KILL"]
    if os.geteuid() == 0:
        user = server_user()
        options += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["setpriv", *options, "--", *command]


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(
        _as_user(command), check=False, capture_output=True, text=True, timeout=60, cwd="/"
    )
    if done.returncode:
        raise NotStarted(f"{Path(command[0]).name} failed: {done.stderr.strip()[-500:]}")
    return done.stdout


@contextlib.contextmanager
def _running(
    command: Sequence[str], folder: Path, host: str, port: int, ready: Callable[[], bool]
) -> Iterator[Server]:
    """The server, from its first answer until the end of the block."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            _as_user(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            start_new_session=True,  # Ctrl-C is for the one who started it
        )
    try:
        end = time.monotonic() + _READY
        while True:
            if process.poll() is not None or time.monotonic() > end:
                said = log.read_text(errors="replace").strip()[-500:]
                raise NotStarted(f"{Path(command[0]).name} did not start: {said}")
            with contextlib.suppress(OSError):
                if ready():
                    break
            time.sleep(0.05)
        yield Server(host, port, process)
    finally:
        process.send_signal(signal.SIGINT)  # to PostgreSQL: do not wait for clients
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def missing() -> str:
    """Name missing programs in a line; empty if nothing is missing."""
    packages = []
    for package, find in (("postgresql", postgres_programs), ("redis-server", redis_program)):
        try:
            find()
        except Missing:
            packages.append(package)
    return f"missing: sudo apt-get install {' '.join(packages)}" if packages else ""
