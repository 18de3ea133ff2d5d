"""The time of a lookup without an answer, as the C library's."""

from __future__ import annotations

from pathlib import Path

import pytest

from faultlayer.dependencies.resolver import unanswered

SERVER = "nameserver 192.0.2.1\n"


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        ("", 10),
        (SERVER, 10),
        (SERVER + "options timeout:1 attempts:3\n", 3),
        ("; a comment\noptions attempts:1 rotate timeout:x timeout:2\n" + SERVER, 2),
        (SERVER * 2, 2 * (5 + 5)),
        (SERVER * 4, 2 * (5 + 3 + 6)),  # three servers at most
        (SERVER * 3 + "options timeout:0 attempts:1\n", 3),  # a second at least
        (SERVER + "options timeout:99 attempts:99\n", 30 * 5),
        (SERVER + "search a.test b.test\noptions timeout:1\n", 2 * 2),
        (SERVER + "domain a.test\noptions timeout:1 attempts:1\n", 2),
        ("nameserver\noptions\n\udcff", 10),
    ],
)
def test_it_follows_the_resolver_s_settings(tmp_path: Path, settings: str, seconds: float) -> None:
    path = tmp_path / "resolv.conf"
    path.write_bytes(settings.encode("utf-8", "surrogateescape"))
    assert unanswered(str(path)) == seconds * 1000


def test_without_settings_it_is_the_default(tmp_path: Path) -> None:
    assert unanswered(str(tmp_path / "none")) == 10_000
