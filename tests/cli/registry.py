"""An image registry on the loopback address, with one image; engines ask it without TLS.

https://distribution.github.io/distribution/spec/api/
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class Registry(ThreadingHTTPServer):
    """What it has, by the last part of the address, and how often the manifest was asked for."""

    def __init__(self, entrypoint: list[str], machine: str, padding: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pulls = 0
        self.blobs: dict[str, bytes] = {}
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            entry = tarfile.TarInfo("padding")
            entry.size = len(padding)
            archive.addfile(entry, io.BytesIO(padding))
        config = {
            "architecture": machine,
            "os": "linux",
            "config": {"Entrypoint": entrypoint},
            "rootfs": {"type": "layers", "diff_ids": [digest(tar.getvalue())]},
        }
        layer = self._add(gzip.compress(tar.getvalue(), 1), _LAYER)
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": self._add(json.dumps(config).encode(), _CONFIG),
            "layers": [layer],
        }
        self.manifest = json.dumps(manifest).encode()

    @property
    def image(self) -> str:
        return f"127.0.0.1:{self.server_port}/lambda/nodejs:22"

    def _add(self, content: bytes, kind: str) -> dict[str, Any]:
        self.blobs[digest(content)] = content
        return {"mediaType": kind, "size": len(content), "digest": digest(content)}


class _Handler(BaseHTTPRequestHandler):
    server: Registry
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        kind, name = self.path.split("/")[-2:]
        if kind == "manifests":
            self.server.pulls += self.command == "GET"
            self._answer(self.server.manifest, _MANIFEST)
        elif kind == "blobs" and name in self.server.blobs:
            self._answer(self.server.blobs[name], "application/octet-stream")
        else:
            self._answer(b"{}", "application/json")

    do_HEAD = do_GET

    def _answer(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Docker-Content-Digest", digest(content))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        pass


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@contextlib.contextmanager
def serving(*arguments: Any) -> Iterator[Registry]:
    with Registry(*arguments) as registry:
        thread = threading.Thread(target=registry.serve_forever)
        thread.start()
        try:
            yield registry
        finally:
            registry.shutdown()
            thread.join()
