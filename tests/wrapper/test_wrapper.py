"""The exec wrapper in every shell that /bin/sh may be: the runtime always starts, as asked."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shells import SHELLS, WRAPPER

import machine
from fakes.proxied import soon

ORIGINAL = "127.0.0.1:9001"
# A runtime that tells how it was started, NUL after each part, and leaves as it is told to.
RUNTIME = """#!%s -IS
import os, sys
names = sorted(os.environ)
told = [f"{name}={os.environ[name]}" for name in names] + ["--", *sys.argv[1:]]
sys.stdout.write("\\0".join(told))
sys.exit(int(os.environ.get("CODE", "0")))
"""
Start = Callable[..., "Started"]


class Started:
    """How the runtime found itself."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.log, _, told = done.stdout.rpartition("\n") if "{" in done.stdout[:1] else ("", "", "")
        told = told or done.stdout
        environ, _, arguments = told.partition("\0--")
        self.environ = dict(pair.split("=", 1) for pair in environ.split("\0") if "=" in pair)
        self.arguments = arguments.split("\0")[1:]
        self.errors = done.stderr

    @property
    def api(self) -> str:
        return self.environ["AWS_LAMBDA_RUNTIME_API"]


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    command = SHELLS[request.param]
    return [machine.program(command[0]), *command[1:]]


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """The file in which the extension publishes its address; not there yet."""
    return tmp_path / "address"


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    return _executable(tmp_path / "a runtime", RUNTIME % sys.executable)


def _executable(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def start(shell: list[str], published: Path, runtime: Path) -> Start:
    def run(*arguments: str, **environ: str) -> Started:
        # No programs on the PATH: the wrapper needs no other.
        given = {"PATH": "/nowhere", "AWS_LAMBDA_RUNTIME_API": ORIGINAL}
        given["_FAULTLAYER_ADDRESS"] = str(published)
        done = subprocess.run(
            [*shell, WRAPPER, runtime, *arguments],
            env={**given, **environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        return Started(done)

    return run


def born(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


@pytest.fixture
def living() -> Iterator[subprocess.Popen[bytes]]:
    """A process that stands for the extension."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.communicate()


@pytest.fixture
def line(living: subprocess.Popen[bytes]) -> str:
    """What a living extension publishes."""
    return f"127.0.0.1:9747 {living.pid} {born(living.pid)}\n"


# -- whom it believes -------------------------------------------------------------------------


def test_a_living_proxy_is_where_the_runtime_goes(start: Start, published: Path, line: str) -> None:
    published.write_text(line)
    started = start("handler")
    assert (started.api, started.arguments, started.code) == ("127.0.0.1:9747", ["handler"], 0)
    assert not started.errors
    assert not started.log


def test_without_a_file_the_runtime_starts_untouched(start: Start) -> None:
    started = start("handler")
    assert (started.api, started.arguments) == (ORIGINAL, ["handler"])
    assert not started.errors


def test_a_dead_process_is_not_believed(
    start: Start, published: Path, living: subprocess.Popen[bytes], line: str
) -> None:
    living.communicate()
    published.write_text(line)
    assert start().api == ORIGINAL


def test_another_process_of_the_same_id_is_not_believed(
    start: Start, published: Path, living: subprocess.Popen[bytes]
) -> None:
    published.write_text(f"127.0.0.1:9747 {living.pid} {int(born(living.pid)) - 1}\n")
    assert start().api == ORIGINAL


def test_the_start_time_is_looked_for_in_its_place(
    start: Start, published: Path, living: subprocess.Popen[bytes]
) -> None:
    """Any other field of the process may be the same number by chance."""
    fields = Path(f"/proc/{living.pid}/stat").read_text().rpartition(")")[2].split()
    for field in {fields[1], fields[2], "0", "1", fields[0]}:
        published.write_text(f"127.0.0.1:9747 {living.pid} {field}\n")
        assert start().api == ORIGINAL, field


@pytest.mark.parametrize(
    "garbled",
    [
        "",
        "\n",
        "127.0.0.1:9747",
        "127.0.0.1:9747\n",
        "127.0.0.1:9747 {pid}\n",
        "{line} x\n",
        "\0\0\n",
    ]
    + ["127.0.0.1:9747 self 1\n", "127.0.0.1:9747 * *\n", "x" * 5000, "{line}"]
    + ["127.0.0.1:9747 ../../etc/passwd x\n", "127.0.0.1:9747 {pid} -\n", "$(exit 3) {pid} x\n"],
    ids=range(14),
)
def test_a_garbled_file_is_not_believed(
    start: Start, published: Path, living: subprocess.Popen[bytes], line: str, garbled: str
) -> None:
    whole = line.rstrip("\n")
    published.write_text(garbled.replace("{line}", whole).replace("{pid}", str(living.pid)))
    started = start("handler")
    assert (started.api, started.arguments, started.code) == (ORIGINAL, ["handler"], 0)


@pytest.mark.parametrize("kind", ["folder", "link", "pipe", "device", "another user's", "socket"])
def test_what_is_no_file_of_this_user_is_not_believed(
    start: Start, published: Path, tmp_path: Path, line: str, kind: str
) -> None:
    """Nor waited for: nobody writes to that pipe."""
    if kind == "folder":
        published.mkdir()
    elif kind == "link":
        (tmp_path / "elsewhere").write_text(line)
        published.symlink_to(tmp_path / "elsewhere")
    elif kind == "pipe":
        os.mkfifo(published)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(str(published))
    elif os.geteuid():
        pytest.skip("root alone can make it")
    elif kind == "device":
        os.mknod(published, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero, without end
    else:
        published.write_text(line)
        os.chown(published, 12345, 12345)
    started = start("handler")
    assert (started.api, started.arguments) == (ORIGINAL, ["handler"])
    assert not started.errors


def test_a_process_that_has_ended_and_was_not_waited_for_is_not_believed(
    start: Start, published: Path
) -> None:
    """A zombie has its id and its start time still."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        stat_file = Path(f"/proc/{process.pid}/stat")
        assert soon(lambda: stat_file.read_text().rpartition(") ")[2][0] == "Z")
        published.write_text(f"127.0.0.1:9747 {process.pid} {born(process.pid)}\n")
        assert start().api == ORIGINAL


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_not_believed(start: Start, published: Path, line: str) -> None:
    published.write_text(line)
    published.chmod(0)
    assert start().api == ORIGINAL


# -- what the runtime gets --------------------------------------------------------------------

ARGUMENTS = ["two words", "", "new\nline", "*", "$HOME", "'\"\\", "-n", "--", "\té", " "]


def test_arguments_arrive_as_they_were(start: Start, published: Path, line: str) -> None:
    assert start(*ARGUMENTS).arguments == ARGUMENTS
    published.write_text(line)
    assert start(*ARGUMENTS).arguments == ARGUMENTS


@pytest.mark.parametrize("code", [0, 1, 42, 126, 127, 255])
def test_the_exit_code_is_the_runtime_s(start: Start, code: int) -> None:
    assert start(CODE=str(code)).code == code


@pytest.mark.parametrize("text", ["{line}", "127.0.0.1:9747 1 0\n", None])
def test_no_other_variable_changes(
    start: Start, published: Path, line: str, text: str | None
) -> None:
    """Lower-case names too: a function may well have a variable called `address` or `pid`."""
    if text:
        published.write_text(text.replace("{line}", line))
    mine = {name: f"my {name}" for name in ("address", "pid", "born", "stat", "since", "api", "a")}
    started = start(**mine, FAULTLAYER_LATENCY="1s")
    expected = {**mine, "FAULTLAYER_LATENCY": "1s", "_FAULTLAYER_ADDRESS": str(published)}
    added = {"PATH", "PWD", "OLDPWD", "SHLVL", "_", "AWS_LAMBDA_RUNTIME_API", "LC_CTYPE"}
    kept = {name: value for name, value in started.environ.items() if name not in added}
    assert kept == expected


@pytest.mark.parametrize("separator", ["0", ":", "", "127"])
def test_an_odd_field_separator_in_the_environment_does_no_harm(
    start: Start, published: Path, line: str, separator: str
) -> None:
    published.write_text(line)
    assert start("two words", IFS=separator).api == "127.0.0.1:9747"


# -- the next wrapper -------------------------------------------------------------------------


@pytest.fixture
def following(tmp_path: Path) -> Path:
    """Another layer's wrapper, which adds an argument."""
    return _executable(tmp_path / "next wrapper", '#!/bin/sh\nFOLLOWED=1 exec "$@" "added"\n')


def test_the_next_wrapper_runs_after_ours(
    start: Start, published: Path, line: str, following: Path
) -> None:
    published.write_text(line)
    started = start("two words", FAULTLAYER_NEXT_WRAPPER=str(following))
    assert started.arguments == ["two words", "added"]
    assert started.environ["FOLLOWED"] == "1"
    assert started.api == "127.0.0.1:9747"


def test_the_next_wrapper_runs_where_we_are_idle(start: Start, following: Path) -> None:
    started = start(FAULTLAYER_NEXT_WRAPPER=str(following))
    assert (started.arguments, started.api) == (["added"], ORIGINAL)


def test_a_line_break_at_its_end_is_no_part_of_the_next_wrapper(
    start: Start, following: Path
) -> None:
    for end in ("\n", "\r\n"):
        started = start(FAULTLAYER_NEXT_WRAPPER=str(following) + end)
        assert (started.arguments, started.log) == (["added"], "")
    assert start(FAULTLAYER_NEXT_WRAPPER="\n").log == ""


@pytest.mark.parametrize("kind", ["missing", "not executable", "folder", "no path", "ourselves"])
def test_a_next_wrapper_that_cannot_run_is_reported_and_left_out(
    start: Start, tmp_path: Path, kind: str
) -> None:
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    path = {
        "missing": str(tmp_path / "missing"),
        "not executable": str(plain),
        "folder": str(tmp_path),
        "no path": "sh",
        "ourselves": str(WRAPPER),
    }[kind]
    started = start("handler", FAULTLAYER_NEXT_WRAPPER=path)
    assert started.arguments == ["handler"]
    assert (started.code, started.api) == (0, ORIGINAL)
    assert '"variable":"FAULTLAYER_NEXT_WRAPPER"' in started.log
    assert started.log.count("\n") == 0
    assert not started.errors


def test_the_wrapper_that_ran_first_is_not_run_again_after_ours(
    start: Start, following: Path
) -> None:
    first = {"AWS_LAMBDA_EXEC_WRAPPER": str(following), "FAULTLAYER_NEXT_WRAPPER": str(following)}
    started = start("handler", **first)
    assert started.arguments == ["handler"]
    assert '"variable":"FAULTLAYER_NEXT_WRAPPER"' in started.log


def test_an_empty_next_wrapper_is_none(start: Start) -> None:
    started = start("handler", FAULTLAYER_NEXT_WRAPPER="")
    assert started.arguments == ["handler"]
    assert not started.log


# -- a program that starts the runtime --------------------------------------------------------


def test_a_program_that_reads_elf_headers_starts_the_runtime_or_the_next_wrapper(
    start: Start, published: Path, line: str, following: Path, tmp_path: Path
) -> None:
    starter = _executable(
        tmp_path / "the start", '#!/bin/sh\nEXAMINED=$1; export EXAMINED; shift; exec "$@"\n'
    )
    published.write_text(f"{line}_FAULTLAYER_START 1\n{starter}\nIFS 1\nx\n")
    started = start("two words")
    assert (started.arguments, started.api) == (["two words"], "127.0.0.1:9747")
    assert started.environ["EXAMINED"].endswith("/a runtime")
    started = start("two words", FAULTLAYER_NEXT_WRAPPER=str(following))
    assert started.arguments == ["two words", "added"]
    assert started.environ["EXAMINED"].endswith("/a runtime"), "not the wrapper"


# -- what it costs ----------------------------------------------------------------------------


def test_it_starts_no_process(shell: list[str], published: Path, line: str, tmp_path: Path) -> None:
    strace = machine.program("strace")
    published.write_text(line)
    trace = tmp_path / "trace"
    command = [strace, "-f", "-o", str(trace), "-e", "trace=clone,clone3,fork,vfork,execve"]
    environ = {"_FAULTLAYER_ADDRESS": str(published), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [*command, *shell, str(WRAPPER), "/bin/true"], env=environ, check=False, capture_output=True
    )
    if b"ptrace" in done.stderr:
        machine.lacks("tracing is not allowed here")
    calls = [
        text.split("(")[0].split()[-1] for text in trace.read_text().splitlines() if "(" in text
    ]
    assert [call for call in calls if call != "execve"] == []
    assert trace.read_text().count("= 0\n") == 2, "the shell, then the runtime"


def test_it_is_short_and_executable() -> None:
    assert WRAPPER.stat().st_mode & stat.S_IXUSR
    lines = [text for text in WRAPPER.read_text().splitlines() if not text.startswith("#")]
    assert len(lines) < 45
