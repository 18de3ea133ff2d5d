"""AWS's runtime clients that serve several invocations at once, and how each is started.

All of them do so if Lambda sets AWS_LAMBDA_MAX_CONCURRENCY:
- Python: so many processes, each with a poll of its own
- Java: so many threads
- Rust: so many tasks (the crate's `concurrency-tokio`)
- Node.js (client 4): AWS_LAMBDA_NODEJS_WORKER_COUNT threads, each of which polls again as soon as
  it has an event: ahead of its result
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from instance import Managed

from faultlayer_cli.running import interpreter
from runtimes import builds
from runtimes.languages import BOOTSTRAPS, JAVA, NODE, PYTHON, RUST, Language

_CLIENTS = Path(__file__).resolve().parent / "clients"
_NODE = """#!/bin/sh
exec "${0%/*}/launch" /var/client/node_modules/node-linux-*/bin/node \\
  /var/client/node_modules/aws-lambda-ric/index.mjs
"""
_BOOTSTRAP = """#!/bin/sh
# Stands for the /var/runtime/bootstrap of a Managed Instance.
cd /var/task && exec /var/runtime/{} "$_HANDLER"
"""
_REBUILD = """
node=$(echo "$PWD"/node_modules/node-linux-*)
PATH=$node/bin:$PATH npm_config_nodedir=$node npm rebuild aws-lambda-ric
"""


class _Node4(Language):
    """Client 4, which needs Node.js 22: npm has that, too. Its handler is the example's."""

    @property
    def sources(self) -> Path:
        return _CLIENTS / "node"


NODE_4 = _Node4(
    name="node-4",
    title="Node.js",
    handler=NODE.handler,
    client=NODE.client,
    pinned=NODE.pinned,
    tools=NODE.tools,
    version=NODE.version,
    oldest=NODE.oldest,
    build=(
        ("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"),
        ("sh", "-ec", _REBUILD),
    ),
    kept=("node_modules",),
    env=NODE.env,
)


@dataclass(frozen=True)
class Client:
    """One client. `variables`: what Lambda sets for it beside the concurrency."""

    language: Language
    variables: dict[str, str | None] = field(default_factory=dict)

    def start(
        self, workers: int, scratch: Path, say: Callable[[str], None], **given: str | None
    ) -> Managed:
        """The example on this client, built first if need be."""
        built = builds.build(self.language, say)
        runtime = scratch / "runtime"
        shutil.copytree(BOOTSTRAPS, runtime, dirs_exist_ok=True)
        for name, text in (("node-4", _NODE), ("bootstrap", _BOOTSTRAP.format(self.language.name))):
            (runtime / name).write_text(text)
            (runtime / name).chmod(0o755)
        runtime.chmod(0o755)  # layer and runtime are another user there
        timeout = int(given.pop("timeout", None) or 20)
        shown: dict[str, Path] = {}
        if self.language is NODE_4:
            shown["/var/client"], built = built, NODE.sources
        return Managed(
            workers,
            built,
            self.language.handler,
            bootstrap=runtime / "bootstrap",
            shown=shown,
            timeout=timeout,
            **{**self.variables, **given},
        )


PYTHON_CLIENT = Client(PYTHON, {"FUNCTION_PYTHON": interpreter.found().path})
NODE_CLIENT = Client(NODE_4, {"AWS_LAMBDA_NODEJS_WORKER_COUNT": "2"})
CLIENTS = (PYTHON_CLIENT, NODE_CLIENT, Client(JAVA), Client(RUST))
