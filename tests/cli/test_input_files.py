"""Files that users name: one reader, so every command reads the same and says the same."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from cli_support import HELLO, Command

from faultlayer_cli.errors import Mistake
from faultlayer_cli.input_files import read_event, read_text

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")
EVENT = '{\r\n "path": "/\xe9"}\r\n'
PLAN = "faults:\r\n- {fault: status, code: 503, match: {path: /\xe9}}\r\n"
VARIABLES = "FAULTLAYER_STATUS=503\r\nFAULTLAYER_MATCH=path=/\xe9\r\n"


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch):
    """Gives the command these bytes as its standard input."""

    def give(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return give


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_command_reads_every_encoding(
    typed: Command, stdin, tmp_path: Path, encoding: str
) -> None:
    event, plan, variables = (tmp_path / name for name in ("event", "plan", "variables"))
    for path, text in ((event, EVENT), (plan, PLAN), (variables, VARIABLES)):
        path.write_bytes(text.encode(encoding))
    for named in (plan, "-"):
        stdin(plan.read_bytes())
        said = typed("explain", "--event", event, "--plan", named, "--json")
        assert [rule["verdict"] for rule in json.loads(said.out)["rules"]] == ["hits"], said.err
        stdin(plan.read_bytes())
        said = typed("local", HELLO, "--plan", named, "--invoke", event)
        assert said.run is not None
        assert json.loads(said.run.function.env["FAULTLAYER_PLAN"])["faults"][0]["code"] == 503
        stdin(plan.read_bytes())
        assert typed("validate", named).code == 0
    stdin(variables.read_bytes())
    assert typed("validate", "--variables", variables, "--variables", "-").code == 0
    stdin(event.read_bytes())
    said = typed("explain", "--event", "-", "--plan", plan, "--json")
    assert [rule["verdict"] for rule in json.loads(said.out)["rules"]] == ["hits"], said.err


def test_an_event_is_utf_8_for_the_function_and_else_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    for encoding in ENCODINGS:
        path.write_bytes(EVENT.encode(encoding))
        assert read_event(str(path), "--event") == EVENT.encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"\x89PNG\r\n\x1a\n\xff", "is not text in UTF-8 or UTF-16"),
        ("{}".encode("utf-32"), "is not text in UTF-8 or UTF-16"),
        ("{}".encode("utf-32-be"), "is not text in UTF-8 or UTF-16"),
        (b'{"a":\n  oops}', "is not JSON: line 2, column 3: expecting value"),
        (b"{} {}", "is not JSON: line 1, column 4: extra data"),
        (b"[" * 100_000, "is nested too deeply"),
        (b" " * (6 << 20) + b"{}", "is longer than 6 MB"),
        (None, "cannot be read: Is a directory"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_event_that_is_none_is_one_line(
    typed: Command, tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "event.json"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    for arguments in (
        ("explain", "--status", "503", "--event", path),
        ("local", HELLO, "--invoke", path),
    ):
        told = typed(*arguments)
        assert (told.code, told.out) == (2, "")
        assert len(told.lines) == 1
        assert f"{arguments[-2]} {path} {said}" in told.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"seed: \xff", "is not text in UTF-8 or UTF-16"),
        (b"x" * 300_000, "is longer than 256 KB"),
        (b'{"faults":\n  [1,}', "is not JSON: line 2, column 6: expecting value"),
        (b"faults:\n\t- x", "is not one YAML document: line 2, column 1: "),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_plan_that_is_none_is_one_line(
    typed: Command, tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "plan"
    path.write_bytes(content)
    for arguments in (("validate", path), ("local", HELLO, "--plan", path)):
        told = typed(*arguments)
        assert (told.code, told.out, len(told.lines)) == (2, "", 1)
        assert str(path) in told.err
        assert said in told.err


def test_standard_input_is_read_once(typed: Command, stdin, monkeypatch) -> None:
    stdin(PLAN.encode())
    said = typed("explain", "--event", "-", "--plan", "-")
    assert (said.code, len(said.lines)) == (2, 1)
    assert "standard input is named twice" in said.err
    monkeypatch.setattr(sys, "stdin", None)
    assert "standard input is closed" in typed("explain", "--event", "-").err


def test_no_more_is_read_than_a_file_may_have() -> None:
    with pytest.raises(Mistake, match="/dev/zero is longer than 1 KB"):
        read_text("/dev/zero", most=1 << 10)
    for name in ("nul\0", "", "/no/such"):
        with pytest.raises(Mistake, match="cannot be read: "):
            read_text(name, most=1 << 10)
