"""The proxy among neighbours and on machines that nobody would wish for."""

from __future__ import annotations

from proxy.conftest import api, logged, proxied, upstream
from rie.conftest import run

__all__ = ["api", "logged", "proxied", "run", "upstream"]
