"""The soak on a small scale: it passes the layer as it is, and finds every defect it looks for.

Each defect is a change of the extension's code, made before its `main` runs.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from soak.__main__ import main
from soak.layer import from_source

# Every so-manieth answer of a function goes through `odd` instead of the way upstream.
ODD = """
import os, time
from faultlayer.wire.upstream_side import UpstreamSide
tell, seen, kept = UpstreamSide.send_and_peek, [0], []
def changed(self, data):
    if data.startswith(b"POST") and b"/response " in data:
        seen[0] += 1
        if seen[0] % 25 == 0:
            return odd(self, data)
    return tell(self, data)
UpstreamSide.send_and_peek = changed
"""
ACCEPTED = r"b'HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n'"
DEFECTS = {
    "lost": f"odd = lambda self, data: {ACCEPTED}",
    "duplicated": "odd = lambda self, data: tell(self, data) and tell(self, data)",
    "mixed up": "odd = lambda self, data: tell(self, data[:-9] + b'x' + data[-8:])",
    "late": "odd = lambda self, data: time.sleep(3) or tell(self, data)",
    "early": "from faultlayer.wire.runtime_side import RuntimeSide as side; "
    "import faultlayer.acting.executor as e; e.sleep = side.wait = lambda *a: 0; odd = tell",
    "broken": "odd = lambda self, data: b'HTTP/1.1 500 No\\r\\nContent-Length: 0\\r\\n\\r\\n'",
}
GROWTHS = {
    "rss_kb": "odd = lambda self, data: kept.append(b'x' * (1 << 21)) or tell(self, data)",
    "descriptors": "odd = lambda self, data: [os.dup(1) for _ in range(9)] and tell(self, data)",
}


def soak(tmp_path: Path, *given: str) -> tuple[int, dict[str, Any]]:
    output = tmp_path / "results.json"
    code = main([f"--output={output}", "--connections=6", *given])
    found: dict[str, Any] = json.loads(output.read_text())
    return code, found


def changed(first: str) -> str:
    return "--command=" + shlex.join(from_source(f"exec({first!r});"))


def test_the_layer_as_it_is_passes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, found = soak(tmp_path, "--invocations=1500", "--seed=7")
    said = capfd.readouterr().out
    assert code == 0, said
    assert found["invocations"] == 1500
    assert all(found["injected"][name] for name in ("latency", "duplicate", "batch", "oversize"))
    troubles = ("lost", "duplicated", "mixed_up", "late", "early", "broken")
    assert not any(found[kind] for kind in troubles)
    assert re.search(r"lost +0\n", said)
    assert "nothing grew" in said
    if " as /opt\n" in said:  # bodies of 6 MB that faults held are given back: else 30 MB stay
        assert found["held"]["end"]["rss_kb"] < 22 << 10


def test_minutes_limit_a_run(tmp_path: Path) -> None:
    code, found = soak(tmp_path, "--minutes=0.1")
    assert code == 0
    assert found["invocations"] > 20


@pytest.mark.parametrize("kind", DEFECTS)
def test_a_defect_is_found(tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str) -> None:
    code, found = soak(tmp_path, "--invocations=300", "--late=2", changed(ODD + DEFECTS[kind]))
    said = capfd.readouterr().out
    assert code == 1
    assert found[kind.replace(" ", "_")] > 0, said
    assert f"WRONG {kind}: " in said
    assert said.endswith("FAILED\n")


@pytest.mark.parametrize("what", GROWTHS)
def test_growth_is_found(tmp_path: Path, capfd: pytest.CaptureFixture[str], what: str) -> None:
    code, _ = soak(tmp_path, "--invocations=300", changed(ODD + GROWTHS[what]))
    assert code == 1
    assert f"WRONG {what} grew by " in capfd.readouterr().out


def test_an_injection_that_is_not_logged_is_found(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, _ = soak(
        tmp_path,
        "--invocations=300",
        changed(
            "from faultlayer.targeting.injection import Injection as i; i.happened = i.withdrawn"
        ),
    )
    assert code == 1
    assert "WRONG latency: 0 injections logged where " in capfd.readouterr().out


def test_an_extension_that_does_not_start_is_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([f"--output={tmp_path / 'none'}", "--command=false"]) == 1
    assert "soak: the extension did not start" in capfd.readouterr().err
