"""A stand-in for AWS's image for Node.js, as `sam local` needs it, where `stand_in` is for Python.

It is made of this machine's own node and the runtime client that tests/runtimes builds.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import docker

from images import host, stand_in
from images.tree import Tree, folder
from runtimes import builds
from runtimes.languages import NODE

_DOCKERFILE = """\
FROM {base}
ADD root.tar /
ENV PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin LAMBDA_TASK_ROOT=/var/task
WORKDIR /var/task
"""

_LOADED = (".js", ".mjs", ".cjs", ".json", ".node")  # the rest is what the client was built from

_BOOTSTRAP = """\
#!/bin/sh
set -- /var/lang/bin/node /var/runtime/node_modules/aws-lambda-ric/bin/index.mjs "$_HANDLER"
exec ${AWS_LAMBDA_EXEC_WRAPPER:+"$AWS_LAMBDA_EXEC_WRAPPER"} "$@"
"""


def lambda_node(client: docker.DockerClient, say: Callable[[str], None] = print) -> str:
    """The image; builds.Unavailable where this machine lacks what the client is built with."""
    client_folder = builds.build(NODE, say)
    node = Path(shutil.which("node") or "/")
    files: Tree = {
        "var/lang/bin/node": (0o755, node.resolve()),
        "var/runtime/bootstrap": (0o755, _BOOTSTRAP.encode()),
        "var/task/": (0o755, b""),
        "opt/": (0o755, b""),
    }
    modules = folder(client_folder / "node_modules", "var/runtime/node_modules")
    files |= {path: entry for path, entry in modules.items() if path.endswith(_LOADED)}
    files |= host.libraries([node, *client_folder.rglob("*.node")])
    base = stand_in.slim(client)
    return stand_in.build(client, "lambda-node", _DOCKERFILE.format(base=base), files)
