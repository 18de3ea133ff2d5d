"""One JSON line per event, whatever is in it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import tty
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

    monkeypatch.setattr(log, "_lost", 0)
    monkeypatch.setattr(log, "_rest", b"")
    with monkeypatch.context() as patch:
        patch.setattr(log, "write", broken)
        log.emit("error", "something_happened")
        log.emit("error", "something_happened")
    (written,) = emitted(monkeypatch)
    lost, line = written.splitlines()
    assert json.loads(lost) == {
        "source": "faultlayer",
        "level": "warn",
        "event": "lines_lost",
        "lines": 2,
    }
    assert json.loads(line)["event"] == "something_happened"


def test_a_line_that_was_taken_in_part_is_finished_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk may take a part, and others may fill a pipe after it was asked."""
    monkeypatch.setattr(log, "_lost", 0)
    monkeypatch.setattr(log, "_rest", b"")
    room, written = [20, 0, 0, 1000, 1000], bytearray()

    def write(fd: int, data: bytes) -> int:
        taken = min(room.pop(0), len(data))
        written.extend(data[:taken])
        return taken

    monkeypatch.setattr(log, "write", write)
    for number in range(4):
        log.emit("info", "e", number=number)
    lines = [json.loads(line) for line in written.splitlines()]
    assert [line.get("number", line.get("lines")) for line in lines] == [0, 2, 3]


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


# -- standard output that is full ----------------------------------------------------------------

SPEAKING = f"""
import sys
sys.path.insert(0, {str(EXTENSION)!r})
from faultlayer import log
{{prepare}}
log.never_wait()
sizes = {{sizes}}
for number, size in enumerate(sizes):
    log.emit("info", "fault_injected", number=number, text="x" * size)
sys.stderr.write("done")
sys.stderr.flush()
sys.stdin.readline()
log.emit("info", "fault_injected", number=len(sizes), text="")
log.finish()
"""
UNOPENED = """
import posix
def refused(path, *rest):
    raise PermissionError
log.open = refused
"""


@pytest.mark.parametrize("kind", ["pipe", "pipe of another user", "socket", "terminal"])
@pytest.mark.parametrize(
    "sizes", [[100] * 2000, [3000, 100, 20_000, 900] * 40], ids=["short", "with long ones"]
)
def test_a_reader_that_has_stopped_costs_lines_and_no_time(kind: str, sizes: list[int]) -> None:
    """Lines are lost as a whole, and a later one says how many; the file's marks stay."""
    if kind == "socket":
        ours, far = socket.socketpair()
        out, reader = ours.detach(), far.detach()
    elif kind == "terminal":
        reader, out = os.openpty()
        tty.setraw(out)
    else:
        reader, out = os.pipe()
    prepare = UNOPENED if kind == "pipe of another user" else ""
    process = subprocess.Popen(
        [sys.executable, "-SB", "-c", SPEAKING.format(prepare=prepare, sizes=sizes)],
        stdin=subprocess.PIPE,
        stdout=out,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    assert process.stderr.read(4) == b"done", "it waits for nobody"
    assert os.get_blocking(out), "others write there, too"
    os.set_blocking(reader, False)
    found = drained(reader)
    process.stdin.write(b"\n")
    process.stdin.close()
    assert process.wait(30) == 0
    found += drained(reader)
    process.stderr.close()
    os.close(out)
    os.close(reader)
    lines = [json.loads(line) for line in found.splitlines()]
    numbers = [line["number"] for line in lines if line["event"] == "fault_injected"]
    lost = sum(line["lines"] for line in lines if line["event"] == "lines_lost")
    assert numbers == sorted(numbers)
    assert numbers[-1] == len(sizes), "the last one, with a reader again"
    assert lost == len(sizes) + 1 - len(numbers)
    assert lost > 0


def drained(reader: int) -> bytes:
    """All that is there to be read."""
    found = b""
    while True:
        try:
            more = os.read(reader, 1 << 20)
        except BlockingIOError:
            return found
        if not more:
            return found
        found += more


def test_a_reader_that_works_gets_every_line() -> None:
    sizes = [100, 5000, 20_000] * 3
    process = subprocess.run(
        [sys.executable, "-SB", "-c", SPEAKING.format(prepare="", sizes=sizes)],
        input=b"\n",
        capture_output=True,
        check=True,
    )
    lines = [json.loads(line) for line in process.stdout.splitlines()]
    assert [line["number"] for line in lines] == list(range(len(sizes) + 1))
