"""One JSON line per event, whatever is in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer import log

EXTENSION = Path(log.__file__).parents[1]
NAMES = st.text("abcXYZ_", min_size=1, max_size=5).map("f_".__add__)
VALUES = st.one_of(
    st.text(st.characters(), max_size=20),
    st.integers(),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
)


def emitted(monkeypatch: pytest.MonkeyPatch, level: str = "info", **fields: Any) -> list[bytes]:
    """What `emit` writes to standard output, write by write."""
    written: list[bytes] = []

    def write(fd: int, data: bytes) -> int:
        assert fd == 1
        written.append(data)
        return len(data)

    with monkeypatch.context() as patch:
        patch.setattr(log, "write", write)
        log.emit(level, "something_happened", **fields)
    return written


@given(fields=st.dictionaries(NAMES, VALUES, max_size=4))
def test_any_event_is_one_line_of_json(fields: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        (line,) = emitted(monkeypatch, **fields)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert line.isascii()
    assert json.loads(line) == {
        "source": "faultlayer",
        "level": "info",
        "event": "something_happened",
        **fields,
    }


@pytest.mark.parametrize("text", ["\ud800", '"\\\n\r\t\0\x1b', "é\u2028\U0001f600", "</script>"])
def test_any_text_survives(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (line,) = emitted(monkeypatch, text=text)
    assert json.loads(line)["text"] == text


def test_a_long_line_is_written_whole(capfd: pytest.CaptureFixture[str]) -> None:
    log.emit("info", "long", text="x\n" * 500_000)
    (line,) = capfd.readouterr().out.splitlines()
    assert len(json.loads(line)["text"]) == 1_000_000


def test_lines_of_many_threads_stay_apart(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        for i in range(50):
            log.emit("info", "e", n=i)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = capfd.readouterr().out.splitlines()
    assert len([json.loads(line) for line in lines]) == 400


def test_a_log_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(fd: int, data: bytes) -> int:
        raise BrokenPipeError

    monkeypatch.setattr(log, "write", broken)
    log.emit("error", "something_happened")


@pytest.mark.parametrize(
    ("level", "written"),
    [
        (None, ["info", "warn", "error", "fatal"]),
        ("TRACE", ["trace", "debug", "info", "warn", "error", "fatal"]),
        ("DEBUG", ["debug", "info", "warn", "error", "fatal"]),
        ("INFO", ["info", "warn", "error", "fatal"]),
        ("Warn", ["warn", "error", "fatal"]),
        ("error", ["error", "fatal"]),
        ("FATAL", ["fatal"]),
        ("nonsense", ["info", "warn", "error", "fatal"]),
        ("\udcff", ["info", "warn", "error", "fatal"]),
    ],
)
def test_lambda_s_own_level_decides_what_is_written(level: str | None, written: list[str]) -> None:
    script = (
        "from faultlayer.log import emit\n"
        "for level in ('trace', 'debug', 'info', 'warn', 'error', 'fatal'): emit(level, 'e')"
    )
    environ = {"PYTHONPATH": str(EXTENSION), "PYTHONDONTWRITEBYTECODE": "1"}
    if level is not None:
        environ["AWS_LAMBDA_LOG_LEVEL"] = level
    out = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env={os.fsencode(name): os.fsencode(value) for name, value in environ.items()},
        capture_output=True,
        check=True,
    ).stdout
    assert [json.loads(line)["level"] for line in out.splitlines()] == written


@pytest.mark.parametrize("error", [OSError(28, "full"), ValueError(), MemoryError()])
def test_metrics_that_cannot_be_made_cost_the_metrics_alone(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def failing(happened: str, fields: object) -> str:
        raise error

    monkeypatch.setattr(log, "_metrics", failing)
    (line,) = emitted(monkeypatch, number=1)
    assert json.loads(line)["number"] == 1


def test_a_line_that_cannot_be_made_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unprintable:
        def __str__(self) -> str:
            raise RecursionError

    assert emitted(monkeypatch, value=Unprintable()) == []


def test_without_standard_output_nothing_is_written_where_it_would_have_been(
    tmp_path: Path,
) -> None:
    """Descriptor 1 is whatever was opened next then: a connection, say."""
    script = (
        "import os, sys\n"
        "os.close(1)\n"
        f"sys.path.insert(0, {str(EXTENSION)!r})\n"
        "from faultlayer.log import emit\n"
        f"assert os.open({str(tmp_path / 'other')!r}, os.O_RDWR | os.O_CREAT) == 1\n"
        "emit('error', 'e')\n"
    )
    subprocess.run([sys.executable, "-ISB", "-c", script], check=True)
    assert (tmp_path / "other").read_bytes() == b""
