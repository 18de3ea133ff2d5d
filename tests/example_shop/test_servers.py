"""PostgreSQL and Redis of examples/shop: answers, leftovers, missing programs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import services
from services import servers


def test_a_missing_service_is_named_with_its_package(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(servers, "_FOLDERS", ())
    with pytest.raises(servers.Missing, match="apt-get install postgresql"):
        servers.postgres_programs()
    with pytest.raises(servers.Missing, match="apt-get install redis-server"):
        servers.redis_program()
    assert servers.missing() == "missing: sudo apt-get install postgresql redis-server"


@pytest.mark.whole
def test_both_answer_as_another_user_than_root_and_are_gone_at_the_end():
    with services.start_postgres("127.0.0.2") as table, services.start_redis("127.0.0.3") as cache:
        query = servers.psql(table.host, table.port, "select 'it ' || 'answers'")
        done = subprocess.run(query, check=True, capture_output=True, text=True, timeout=30)
        assert "it answers" in done.stdout
        assert servers.redis_command(cache.host, cache.port, "PING") == b"+PONG\r\n"
        for server in (table, cache):
            assert Path(f"/proc/{server.process.pid}").stat().st_uid != 0
    for server in (table, cache):
        assert server.process.poll() is not None
        with pytest.raises(OSError):
            servers.redis_command(server.host, server.port, "PING")


@pytest.mark.whole
def test_a_server_that_does_not_start_is_quoted():
    wrong = services.start_postgres(settings={"no_such_setting": "on"})
    with pytest.raises(servers.NotStarted, match="no_such_setting"), wrong:
        pass
