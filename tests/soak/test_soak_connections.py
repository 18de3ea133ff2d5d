"""The soak of connections: it finds each defect, and knows each end."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from bench.subjects import namespace_trouble, opt_prefix
from soak.__main__ import main
from soak.connections.contacts import (
    CUT,
    CUT_AT,
    HOSTS,
    LATE,
    NAMED,
    PER_INVOCATION,
    REFUSED,
    RULES,
    contact,
    of_invocation,
)
from soak.connections.expect import End, expected
from soak.layer import ROOT, from_source
from soak.rules import Hit

TREE = ROOT / "dist" / "x86_64"
# Each is code that runs before the extension's own.
PATCH = "import faultlayer.dependencies.relay as r; "
DEFECTS = {
    "mixed up": PATCH + "keep = r.Link._keep; "
    "r.Link._keep = lambda s, w, d, b: keep(s, w, d, bytes(b)[:: -1 if w.is_answer else 1])",
    "lost": PATCH + "end = r.Link._receive; n = [0]\n"
    "def some(s, w):\n"
    "    n[0] += 1\n"
    "    return s.reset() if n[0] % 200 == 0 else end(s, w)\n"
    "r.Link._receive = some\n",
    "another end": PATCH + "r.Link.reset = r.Link.close",
    "early": PATCH + "due = r.Link._keep; r.Link._keep = lambda s, w, d, b: due(s, w, 0.0, b)",
}
needs_layer = pytest.mark.skipif(
    not TREE.is_dir() or namespace_trouble() is not None, reason="needs dist/x86_64 and namespaces"
)


def soak(tmp_path: Path, *given: str) -> tuple[int, dict[str, Any]]:
    output = tmp_path / "results.json"
    code = main(["--relay", f"--output={output}", f"--tree={TREE}", *given])
    found: dict[str, Any] = json.loads(output.read_text())
    return code, found


@needs_layer
@pytest.mark.nightly
@pytest.mark.parametrize("kind", DEFECTS)
def test_a_defect_of_the_relay_is_found(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    program = [*opt_prefix(TREE), *from_source(f"exec({DEFECTS[kind]!r});")]
    code, found = soak(tmp_path, "--invocations=2000", f"--command={shlex.join(program)}")
    said = capfd.readouterr().out
    assert code == 1, said
    assert found[kind.replace(" ", "_")] > 0, said


@needs_layer
@pytest.mark.nightly
def test_the_relay_as_it_is_passes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, found = soak(tmp_path, "--invocations=2000")
    assert code == 0, capfd.readouterr().out
    assert found["connections"] >= 2000
    assert {"refused", "reset", "alert", "garbage", "no name"} <= found["endings"].keys()


def hits(fault: str, host: str) -> list[Hit]:
    return [Hit(rule, 0.5) for rule in RULES if rule["fault"] == fault and host in rule["hosts"]]


def one_to(host: str) -> int:
    return next(n for n in of_invocation(3) if contact(n).host == host)


def test_each_invocation_meets_each_host() -> None:
    for invocation in range(20):
        assert {contact(number).host for number in of_invocation(invocation)} == set(HOSTS)
        assert any(
            contact(number).answer >= CUT_AT
            for number in of_invocation(invocation)
            if contact(number).host == CUT
        )
    assert len(of_invocation(0)) == PER_INVOCATION


def test_the_end_of_a_connection_follows_from_its_rules() -> None:
    late, refused, cut = (contact(one_to(host)) for host in (LATE, REFUSED, CUT))
    assert expected(late, []).what == "whole"
    both = expected(late, hits("network", LATE))
    assert both.at_least == pytest.approx(0.03 * late.turns - 0.001), "the longer of two"
    assert expected(refused, hits("connect", REFUSED)) == End("refused", 0)
    assert expected(refused, hits("network", LATE)).what == "whole", "another host's"
    assert expected(cut, hits("reset", CUT)) == End("reset", CUT_AT)
    assert expected(contact(one_to(NAMED)), hits("dns", "db.soak.test")) == End("no name", 0)
