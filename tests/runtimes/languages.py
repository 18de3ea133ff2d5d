"""The languages of the matrix: how an example is built, and what of it the tests must know."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from faultlayer_cli.running.node_client import BUILD_TOOLS

ROOT = Path(__file__).resolve().parents[2]
BOOTSTRAPS = Path(__file__).resolve().parent / "bootstraps"
_HEADERS = Path("include/node/node.h")


@dataclass(frozen=True)
class Language:
    """One row. `build` runs in a copy of the sources; `kept` is what a function needs of it."""

    name: str
    title: str
    handler: str
    client: str  # the client's name
    pinned: tuple[str, str]  # the file that pins it, and the pattern of its version there
    tools: dict[str, str]  # a command that the build needs -> Debian's package
    version: tuple[str, ...]  # the command that tells the toolchain's version
    oldest: tuple[int, ...]
    build: tuple[tuple[str, ...], ...]
    kept: tuple[str, ...]  # of what the build makes
    reports_init_errors: bool = True
    env: dict[str, str] = field(default_factory=dict)

    @property
    def sources(self) -> Path:
        return ROOT / "examples" / f"{self.name}-probe"

    @property
    def bootstrap(self) -> Path:
        return BOOTSTRAPS / self.name

    def client_version(self) -> str:
        file, pattern = self.pinned
        found = re.search(pattern, (self.sources / file).read_text(), re.DOTALL)
        assert found, f"{file} of {self.sources.name} does not pin {self.client}"
        return found[1]


PYTHON = Language(
    name="python",
    title="Python",
    handler="app.handler",
    client="awslambdaric",
    pinned=("requirements.txt", r"awslambdaric==(\S+)"),
    tools={},
    version=(sys.executable, "--version"),
    oldest=(3, 10),
    build=(
        (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps",
         "--only-binary", ":all:", "--target", ".", "-r", "requirements.txt"),
    ),
    kept=("*",),
)  # fmt: skip

NODE = Language(
    name="node",
    title="Node.js",
    handler="index.handler",
    client="aws-lambda-ric",
    pinned=("package.json", r'"aws-lambda-ric": "([^"]+)"'),
    tools={
        "node": "nodejs",
        **BUILD_TOOLS,
    },
    version=("node", "--version"),
    oldest=(18,),
    build=(("npm", "ci", "--no-audit", "--no-fund"),),
    kept=("*.mjs", "node_modules"),
    env={
        "npm_config_python": sys.executable,  # for node-gyp
        "MAKEFLAGS": f"-j{len(os.sched_getaffinity(0))}",
    },
)

JAVA = Language(
    name="java",
    title="Java",
    handler="probe.Handler::handleRequest",
    client="aws-lambda-java-runtime-interface-client",
    pinned=("pom.xml", r"runtime-interface-client</artifactId>\s*<version>([^<]+)"),
    tools={"javac": "default-jdk-headless", "mvn": "maven"},
    version=("javac", "-version"),
    oldest=(11,),
    build=(
        ("mvn", "--batch-mode", "--quiet", "compile", "dependency:copy-dependencies"),
        ("mv", "target/classes/probe", "probe"),  # the client looks into LAMBDA_TASK_ROOT itself
        ("mv", "target/dependency", "runtime"),
    ),
    kept=("probe", "runtime"),
)

GO = Language(
    name="go",
    title="Go",
    handler="main",
    client="aws-lambda-go",
    pinned=("go.mod", r"aws-lambda-go v(\S+)"),
    tools={"go": "golang-go"},
    version=("go", "version"),
    oldest=(1, 18),
    build=(("go", "build", "-trimpath", "-tags", "lambda.norpc", "-o", "main", "."),),
    kept=("main",),
    reports_init_errors=False,
    env={"CGO_ENABLED": "0"},
)

RUST = Language(
    name="rust",
    title="Rust",
    handler="main",
    client="lambda_runtime",
    pinned=("Cargo.toml", r'lambda_runtime = \{ version = "=([^"]+)"'),
    tools={"cargo": "cargo", "cc": "gcc"},
    version=("cargo", "--version"),
    oldest=(1, 85),
    build=(
        ("cargo", "build", "--locked", "--quiet"),
        ("mv", "target/debug/rust-probe", "rust-probe"),
    ),
    kept=("rust-probe",),
    reports_init_errors=False,
    env={"CARGO_PROFILE_DEV_DEBUG": "0"},  # quicker
)

LANGUAGES = (PYTHON, NODE, JAVA, GO, RUST)


def node_headers(node: Path) -> str:
    """Where node-gyp finds this Node's own headers, which saves it a download; else nothing."""
    if len(node.resolve().parents) < 2:
        return ""
    prefix = node.resolve().parents[1]
    return str(prefix) if (prefix / _HEADERS).is_file() else ""
