"""Toxiproxy, the best-known fault proxy for connections, from its Go module.

https://github.com/Shopify/toxiproxy
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from bench.machine import ROOT
from bench.process import BenchError, Child
from bench.subjects import Plain, Running, free_port, wait_for_listener
from bench.tools import Server

VERSION = "2.12.0"
_MODULE = f"github.com/Shopify/toxiproxy/v2/cmd/server@v{VERSION}"
_FOLDER = ROOT / ".cache" / f"toxiproxy-{VERSION}"
_LIMIT = 600  # seconds that a build may take


def build() -> str | None:
    """Build it once; return the obstacle, or None."""
    if (_FOLDER / "server").exists():
        return None
    if shutil.which("go") is None:
        return "Go is not installed (apt-get install golang-go)"
    environment = {
        **os.environ,
        "GOBIN": str(_FOLDER),
        "GOPATH": str(ROOT / ".cache" / "go"),
        "GOFLAGS": "-modcacherw",
    }
    print(f"building Toxiproxy {VERSION} (once) …", flush=True)
    try:
        done = subprocess.run(
            ["go", "install", _MODULE],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT,
        )
    except subprocess.TimeoutExpired:
        return f"no build within {_LIMIT} s"
    if done.returncode:
        return "it cannot be built: " + (done.stderr.strip().splitlines() or ["?"])[-1][:200]
    return None


@dataclass(frozen=True)
class Toxiproxy:
    """Toxiproxy without a toxic: bytes pass unchanged, as in our relay."""

    name: str = "Toxiproxy"

    def missing(self) -> str | None:
        return build()

    def start(self, server: Server, scratch: Path) -> Running:
        api, port = free_port(), free_port()
        argv = [str(_FOLDER / "server"), "-host", "127.0.0.1", "-port", str(api)]
        child = Child(argv, {"PATH": os.environ["PATH"], "LOG_LEVEL": "error"})
        try:
            wait_for_listener(api, child)
            proxy = {
                "name": "bench",
                "listen": f"127.0.0.1:{port}",
                "upstream": f"127.0.0.1:{server.port}",
                "enabled": True,
            }
            request = urllib.request.Request(
                f"http://127.0.0.1:{api}/proxies", json.dumps(proxy).encode(), method="POST"
            )
            with urllib.request.urlopen(request, timeout=10):
                pass
            wait_for_listener(port, child)
        except (BenchError, OSError) as error:
            child.stop()
            raise BenchError(f"Toxiproxy does not start: {error}") from None
        return Plain(port, child.pid, child)
