"""Real services for tests: PostgreSQL and Redis, each for a block.

The code that starts them is that of examples/shop. A test is skipped if a service is not on this
machine; on CI it fails.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import machine

_FILE = Path(__file__).resolve().parents[1] / "examples" / "shop" / "servers.py"
_spec = importlib.util.spec_from_file_location("shop_servers", _FILE)
assert _spec is not None and _spec.loader is not None
servers = importlib.util.module_from_spec(_spec)
sys.modules["shop_servers"] = servers  # dataclasses look their module up there
_spec.loader.exec_module(servers)


@contextlib.contextmanager
def start_postgres(
    host: str = "127.0.0.1", settings: Mapping[str, str] | None = None
) -> Iterator[servers.Server]:
    """PostgreSQL at `.host` and `.port`: database and user `shop`, no password.

    `settings` are those of postgresql.conf, such as {"ssl": "on"}.
    """
    with or_skip():
        servers.postgres_programs()
    with servers.postgres(host, settings=settings) as server:
        yield server


@contextlib.contextmanager
def start_redis(host: str = "127.0.0.1", options: Sequence[str] = ()) -> Iterator[servers.Server]:
    """Redis at `.host` and `.port`. `options` are more of its command line."""
    with or_skip():
        servers.redis_program()
    with servers.redis(host, options=options) as server:
        yield server


@contextlib.contextmanager
def or_skip() -> Iterator[None]:
    """Skip the test if a service is missing in the block."""
    try:
        yield
    except servers.Missing as reason:
        machine.lacks(reason)
