"""Functions with real clients: one for each language, built once."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from faultlayer_cli.running.local_function import Runtime
from runtimes.languages import GO, JAVA, NODE, PYTHON, RUST, Language

FUNCTIONS = Path(__file__).resolve().parent / "functions"
_EXECUTABLE = ("chmod", "+x", "bootstrap")


@dataclass(frozen=True)
class Program(Language):
    """A function of this folder.

    `runtime`: the managed runtime for it; None: its own bootstrap.
    """

    runtime: Runtime | None = None
    clients: tuple[str, ...] = ()
    folder: str = ""  # its sources, if they are another program's

    @property
    def sources(self) -> Path:
        return FUNCTIONS / (self.folder or self.name)

    @property
    def bootstrap(self) -> Path:
        raise NotImplementedError("a program of clients has its own bootstrap beside it")


CPYTHON = Program(
    name="python",
    title="Python",
    handler="app.handler",
    client="awslambdaric",
    pinned=("", ""),
    tools=PYTHON.tools,
    version=PYTHON.version,
    oldest=PYTHON.oldest,
    build=PYTHON.build,
    kept=PYTHON.kept,
    runtime=Runtime.PYTHON,
    clients=("urllib3", "requests", "aiohttp", "asyncio", "psycopg", "redis"),
)

NODE_JS = Program(
    name="node",
    title="Node.js",
    handler="index.handler",
    client="aws-lambda-ric",
    pinned=("", ""),
    tools={"node": "nodejs", "npm": "npm"},
    version=NODE.version,
    oldest=NODE.oldest,
    build=NODE.build,
    kept=("*.mjs", "node_modules"),
    runtime=Runtime.NODE,
    clients=("http", "fetch", "pg", "ioredis"),
)

JAVA_11 = Program(
    name="java",
    title="Java",
    handler="clients.Handler::handleRequest",
    client=JAVA.client,
    pinned=("", ""),
    tools=JAVA.tools,
    version=JAVA.version,
    oldest=JAVA.oldest,
    build=(
        ("mvn", "--batch-mode", "--quiet", "compile", "dependency:copy-dependencies"),
        ("mv", "target/classes/clients", "clients"),
        ("mv", "target/dependency", "lib"),
    ),
    kept=("clients", "lib"),
    runtime=Runtime.JAVA,
    clients=("HttpClient", "HttpURLConnection", "JDBC"),
)

RUST_GLIBC = Program(
    name="rust",
    title="Rust",
    handler="clients",
    client=RUST.client,
    pinned=("", ""),
    tools=RUST.tools,
    version=RUST.version,
    oldest=RUST.oldest,
    build=(
        ("cargo", "build", "--locked", "--quiet"),
        ("mv", "target/debug/clients", "clients"),
        _EXECUTABLE,
    ),
    kept=("clients", "bootstrap"),
    clients=("reqwest",),
)

RUBY = Program(
    name="ruby",
    title="Ruby",
    handler="app",
    client="its own bootstrap",
    pinned=("", ""),
    tools={"ruby": "ruby"},
    version=("ruby", "--version"),
    oldest=(2, 5),
    build=(_EXECUTABLE,),
    kept=("*",),
    clients=("net/http",),
)

PHP = Program(
    name="php",
    title="PHP",
    handler="app",
    client="its own bootstrap",
    pinned=("", ""),
    tools={"php": "php-cli php-curl"},
    version=("php", "--version"),
    oldest=(7, 0),
    build=(_EXECUTABLE,),
    kept=("*",),
    clients=("curl",),
)

# -- static programs, which do not load the shim -------------------------------------------------

GO_STATIC = Program(
    name="go",
    title="Go, static",
    handler="clients",
    client=GO.client,
    pinned=("", ""),
    tools=GO.tools,
    version=GO.version,
    oldest=GO.oldest,
    build=(
        ("go", "build", "-trimpath", "-tags", "lambda.norpc", "-o", "clients", "."),
        _EXECUTABLE,
    ),
    kept=("clients", "bootstrap"),
    env={"CGO_ENABLED": "0"},
    clients=("net/http",),
)

# rustc has this target's library without a download, and links glibc into the program.
_TARGET = f"{platform.machine()}-unknown-linux-gnu"
RUST_STATIC = replace(
    RUST_GLIBC,
    name="rust-static",
    title="Rust, static",
    folder="rust",
    build=(
        ("cargo", "build", "--locked", "--quiet", "--target", _TARGET),
        ("mv", f"target/{_TARGET}/debug/clients", "clients"),
        _EXECUTABLE,
    ),
    env={"RUSTFLAGS": "-C target-feature=+crt-static"},
)

STATIC = (GO_STATIC, RUST_STATIC)
PROGRAMS = (CPYTHON, NODE_JS, JAVA_11, RUST_GLIBC, RUBY, PHP)


def has_curl() -> bool:
    """True if PHP has its curl extension."""
    import subprocess

    done = subprocess.run(
        [shutil.which("php") or "php", "-m"], check=False, capture_output=True, timeout=30
    )
    return b"\ncurl\n" in done.stdout
