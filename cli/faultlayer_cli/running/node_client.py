"""The runtime client of Node.js functions: AWS's own, from npm, on the machine's Node.js.

Its package compiles a native part, which takes minutes and a compiler, once. A function that has
the package among its own modules brings the client with it.
https://github.com/aws/aws-lambda-nodejs-runtime-interface-client
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from faultlayer_cli.errors import Failure
from faultlayer_cli.layers import cache
from faultlayer_cli.progress import Progress
from faultlayer_cli.running import downloads, interpreter
from faultlayer_cli.running.local_function import LocalFunction, Runtime
from faultlayer_cli.running.tools import asked, fetch, require

PACKAGE = downloads.DATA / "node"  # package.json and the lock file, with hashes
_NAME = "aws-lambda-ric"
_MODULE = "dist/index.mjs"
_OWN = f"node_modules/{_NAME}/{_MODULE}"
_HOME = f"/var/runtime/{_NAME}"
_START = "/var/runtime/start.mjs"
_NEEDED = ("dist", "package.json", "LICENSE", "NOTICE")  # of the package, to run it
_OLDEST = 18
BUILD_TOOLS = {  # to compile its native part, each with its package in Debian
    "npm": "npm",
    "autoconf": "autoconf",
    "automake": "automake",
    "libtoolize": "libtool",
    "cmake": "cmake",
    "g++": "g++",
    "make": "make",
}


class NodeClient:
    """The client for one function."""

    def __init__(self, function: LocalFunction) -> None:
        self._function = function
        require({"node": "nodejs"}, Runtime.NODE)
        real = Path(shutil.which("node") or "node").resolve()
        self._node, self._shown = interpreter.seen(real, real.parents[1])
        self._prefix = real.parents[1]
        self._major = _major(real)

    def variables(self) -> dict[str, str]:
        own = (self._function.folder / _OWN).is_file()
        client = f"/var/task/{_OWN}" if own else f"{_HOME}/{_MODULE}"
        modules = (f"/opt/nodejs/node{self._major}/node_modules", "/opt/nodejs/node_modules")
        heap = self._function.memory * 9 // 10
        return {
            "AWS_EXECUTION_ENV": f"AWS_Lambda_nodejs{self._major}.x",
            "NODE_PATH": ":".join((*modules, "/var/runtime/node_modules", "/var/task")),
            "_FAULTLAYER_CLIENT": f"{self._node} --max-old-space-size={heap} {_START} {client}",
        }

    def shown(self, progress: Progress) -> dict[str, Path]:
        shown = {**self._shown, _START: PACKAGE / "start.mjs"}
        if not (self._function.folder / _OWN).is_file():
            shown[_HOME] = self._fetched(progress)
        return shown

    def _fetched(self, progress: Progress) -> Path:
        version = json.loads((PACKAGE / "package.json").read_text())["dependencies"][_NAME]
        final = cache.folder() / f"{_NAME}-{version}-{downloads.architecture()}"
        if final.is_dir():
            return final
        require(BUILD_TOOLS, Runtime.NODE)
        with cache.workshop() as work:
            progress.note(f"building Lambda's runtime client for Node.js, {_NAME} (minutes, once)")
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(PACKAGE / name, Path(work, name))
            command = ["npm", "ci", "--no-audit", "--no-fund"]
            fetch(command, Path(work), Runtime.NODE, {**os.environ, **self._settings()})
            target = Path(work, "target")
            target.mkdir()
            for name in _NEEDED:
                made = Path(work, "node_modules", _NAME, name)
                if made.exists():
                    made.rename(target / name)
            return cache.settle(target, final)

    def _settings(self) -> Mapping[str, str]:
        """The settings of npm: node-gyp's Python, and headers that are here already."""
        settings = {
            "npm_config_python": sys.executable,
            "MAKEFLAGS": f"-j{os.cpu_count() or 1}",
        }
        if (self._prefix / "include" / "node" / "node.h").is_file():
            settings["npm_config_nodedir"] = str(self._prefix)
        return settings


def _major(node: Path) -> int:
    said = asked(node, ["--version"]).stdout
    found = re.match(r"v(\d+)\.", said)
    if found is None or int(found[1]) < _OLDEST:
        version = said.strip() or "of no version"
        raise Failure(
            f"{node} is {version}; allowed: Node.js {_OLDEST} or later, or a container: "
            f"--image {Runtime.NODE.image}"
        )
    return int(found[1])
