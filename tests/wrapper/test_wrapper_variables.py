"""Variables that the wrapper sets and unsets, in every shell that /bin/sh may be.

The file is written by what writes it in Lambda, and this process stands for the extension.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shells import ALL_SHELLS, WRAPPER

import machine
from faultlayer.faults.env import Variables
from faultlayer.startup import wrapper_file

ORIGINAL = {
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
    "PATH": "/nowhere",
    "TABLE_NAME": "orders",
    "KEPT": "as it was",
}
MADE = {"PWD", "OLDPWD", "SHLVL", "_"}  # by the shells
Start = Callable[..., dict[str, str]]

# Text that a shell would do something about, in any order.
AWKWARD = ["$(exit 3)", "`exit 3`", "${HOME}", "'", '"', "\\", "\n", "\r", "\t", " ", "=", ";", "&"]
AWKWARD += [
    "*",
    "~",
    "#",
    "!",
    "\\n",
    "\\\n",
    "\x01",
    "\x7f",
    "\x81",
    "\x88",
    "é",
    "\U0001f600",
    "-n",
]
texts = st.one_of(
    st.lists(st.sampled_from(AWKWARD), max_size=12).map("".join),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40),
)
LETTERS = "ABCXYZabcxyz_"
names = st.one_of(
    st.sampled_from(
        ["IFS", "PATH", "LC_ALL", "LANG", "PS4", "HOME", "PWD", "ENV", "CDPATH", "a", "TABLE_NAME"]
        + ["AWS_SESSION_TOKEN", "AWS_REGION", "POSIXLY_CORRECT", "REPLY", "OPTARG", "KEPT", "x"]
    ),
    st.builds(str.__add__, st.sampled_from(LETTERS), st.text(LETTERS + "0189", max_size=20)),
).filter(lambda name: allowed(name) and name not in MADE)


def allowed(name: str) -> bool:
    try:
        Variables().parse({name: "text"})
    except ValueError:
        return False
    return True


@pytest.fixture(params=ALL_SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    command = ALL_SHELLS[request.param]
    return [machine.program(command[0]), *command[1:]]


@pytest.fixture
def start(shell: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Publishes these changes, and returns what the runtime then finds."""
    published = tmp_path / "address"
    monkeypatch.setattr(wrapper_file, "PATH", bytes(published))

    def run(
        variables: dict[str, str | None],
        where: tuple[str, int] | None = ("127.0.0.1", 9747),
        pid: int | None = None,
        told: int | None = None,
    ) -> dict[str, str]:
        wrapper_file.withdraw()
        wrapper_file.publish(where, variables, told)
        if pid is not None:
            ours, other = b" %d " % os.getpid(), b" %d " % pid
            published.write_bytes(published.read_bytes().replace(ours, other))
        done = subprocess.run(
            [*shell, WRAPPER, "/usr/bin/env", "-0"],
            env={**ORIGINAL, "_FAULTLAYER_ADDRESS": str(published)},
            capture_output=True,
            check=True,
            timeout=60,
        )
        assert not done.stderr
        pairs = [pair.partition(b"=") for pair in done.stdout.split(b"\0") if pair]
        found = {name.decode(): text.decode() for name, _, text in pairs}
        assert found.pop("_FAULTLAYER_ADDRESS") == str(published)
        return {name: text for name, text in found.items() if name not in MADE - {*variables}}

    return run


def expected(variables: dict[str, str | None], api: str = "127.0.0.1:9747") -> dict[str, str]:
    after = {**ORIGINAL, "AWS_LAMBDA_RUNTIME_API": api, **variables}
    return {name: text for name, text in after.items() if text is not None}


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.dictionaries(names, st.one_of(texts, st.none()), max_size=6))
def test_the_runtime_gets_exactly_these(start: Start, variables: dict[str, str | None]) -> None:
    found = start(variables)
    if "PWD" not in variables:
        found.pop("PWD", None)
    assert found == expected(variables)


@pytest.mark.parametrize(
    "text",
    ["", "\n", "\n\n", "a\n", " a ", "\\", "a\\", "\\\nb", "$(exit 3)", "`exit 3`", "a=b=c", "-- x"]
    + ["'\"'\"", "\x81\x82\x88", "\u0081", "1 2", "x" * 30_000, "y\n" * 2_000],
    ids=range(18),
)
def test_a_text_arrives_as_it_was(start: Start, text: str) -> None:
    assert start({"A": text, "B": "next"}) == expected({"A": text, "B": "next"})


def test_without_a_proxy_the_address_stays(start: Start) -> None:
    changes = {"TABLE_NAME": None, "A": "b"}
    assert start(changes, None) == expected(changes, ORIGINAL["AWS_LAMBDA_RUNTIME_API"])


def test_of_a_stale_file_nothing_is_applied(start: Start) -> None:
    """Neither where the process is another, nor where there is none."""
    changes = {"TABLE_NAME": "wrong", "KEPT": None}
    assert start(changes, pid=4194999) == ORIGINAL
    with subprocess.Popen(["sleep", "60"]) as later:  # started in a later tick of the clock
        try:
            assert start(changes, pid=later.pid) == ORIGINAL
        finally:
            later.kill()


@pytest.mark.parametrize("name", ["PPID", "UID", "BASHOPTS", "SHELLOPTS", "BASH_VERSINFO"])
def test_a_name_that_the_shell_refuses_stops_nothing(start: Start, name: str) -> None:
    """They are refused long before; a shell of tomorrow may refuse others."""
    found = start({"A": "1", name: "no number", "UNSET": None, "B": "2"})
    assert (found["A"], found["B"]) == ("1", "2")
    found = start({"A": "1", name: None, "B": "2"})
    assert (found["A"], found["B"]) == ("1", "2")
    assert found["AWS_LAMBDA_RUNTIME_API"] == "127.0.0.1:9747"


@pytest.mark.parametrize(
    ("name", "text", "said"), [("A", "1", True), ("A", None, True), ("1A", "x", False)]
)
def test_it_says_that_it_has_changed_all_variables_if_it_has(
    start: Start, name: str, text: str | None, said: bool
) -> None:
    ours, told = os.pipe2(os.O_NONBLOCK)
    try:
        found = start({"KEPT": "changed", name: text}, told=told)
        assert found["KEPT"] == "changed"
        if said:
            assert os.read(ours, 9) == b"\n"
        else:
            with pytest.raises(BlockingIOError):
                os.read(ours, 9)
    finally:
        os.close(ours)
        os.close(told)


def test_nobody_who_hears_that_it_has_changed_them_is_no_trouble(start: Start) -> None:
    assert start({"A": "1"}, told=999) == expected({"A": "1"})


ODD_TEXTS = {b"LINES": b"a\nb\n", b"NO_UTF8": b"\xff\xfe\x80", b"EMPTY": b"", b"_X": b"=$(exit 3)"}
ODD_NAMES = [b"spring.profiles.active", b"A-B", b"1A", b"A B", "É".encode(), b"\xff", b"A.b"]


@pytest.mark.parametrize("armed", [False, True])
def test_the_function_s_own_variables_pass(
    shell: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, armed: bool
) -> None:
    """Any text; and any name with bash. dash and busybox cannot hold some: docs/images.md."""
    published = tmp_path / "address"
    monkeypatch.setattr(wrapper_file, "PATH", bytes(published))
    if armed:
        wrapper_file.publish(("127.0.0.1", 9747), {"A": "1"})
    given = ODD_TEXTS | dict.fromkeys(ODD_NAMES, b"\xff\n")
    done = subprocess.run(
        [*shell, WRAPPER, "/usr/bin/env", "-0"],
        env={**given, b"_FAULTLAYER_ADDRESS": bytes(published)},
        capture_output=True,
        check=True,
    )
    pairs = [pair.partition(b"=") for pair in done.stdout.split(b"\0") if pair]
    found = {name: text for name, _, text in pairs}
    assert (found.get(b"A") == b"1") == armed
    kept = given if "bash" in shell[0] else ODD_TEXTS
    assert {name: text for name, text in found.items() if name in given} == kept


# What a script may do before it starts a program: bash keeps books on all of it.
BUSY = """
f() { :; }; f; true | true; (true); x=$(true); read -r x </dev/null; case a in a) ;; esac
/bin/true; exec /usr/bin/env -0
"""


@pytest.mark.parametrize("text", ["x 7", "7", "", "/nowhere"])
def test_what_a_shell_does_not_deliver_is_refused(
    start: Start, shell: list[str], text: str
) -> None:
    """Each name that this shell sets itself, or that is documented, arrives or is refused.

    Through a script of this shell, as many bootstraps are, and through the wrapper.
    """
    said = subprocess.run([*shell, "-c", "set"], env={}, capture_output=True, check=True).stdout
    known = {line.partition("=")[0] for line in said.decode("utf-8", "replace").splitlines()}
    variables = {name: text for name in known | set(SPECIAL.split()) if allowed(name)}
    assert len(variables) > 60
    done = subprocess.run([*shell, "-c", BUSY], env=variables, capture_output=True, check=True)
    told = (pair.partition(b"=") for pair in done.stdout.split(b"\0"))
    passed = {name.decode(): value.decode() for name, _, value in told}
    assert {name for name in variables if passed.get(name) != text} == set()
    found = start(dict(variables))
    assert {name for name in variables if found.get(name) != text} == set()
    found = start(dict.fromkeys(variables))
    assert not found.keys() & variables.keys()


# Of the manuals of bash 5.3, dash and busybox, and of their binaries.
SPECIAL = """
ATTY BASHOPTS BASHPID BASH_ARGV0 BASH_COMMAND BASH_ENV BASH_SUBSHELL CDPATH CHILD_MAX COLUMNS
COMPREPLY COMP_CWORD COMP_KEY COMP_LINE COMP_POINT COMP_TYPE COMP_WORDBREAKS COMP_WORDS COPROC
DIRSTACK EDITOR EMACS ENV EPOCHREALTIME EPOCHSECONDS EUID EXECIGNORE EXINIT FC FCEDIT FIGNORE
FUNCNAME FUNCNEST GLOBIGNORE GLOBSORT GROUPS HISTCMD HISTCONTROL HISTFILE HISTFILESIZE HISTIGNORE
HISTORY HISTSIZE HISTTIMEFORMAT HOME HOSTFILE HOSTNAME HOSTTYPE IFS IGNOREEOF INPUTRC INSIDE_EMACS
LANG LC_ALL LC_COLLATE LC_CTYPE LC_MESSAGES LC_NUMERIC LC_TIME LINENO LINES MACHTYPE MAIL MAILCHECK
MAILPATH MAPFILE NLSPATH OLDPWD OPTARG OPTERR OPTIND OSTYPE PATH PIPESTATUS POSIXLY_CORRECT PPID
PROMPT_COMMAND PROMPT_DIRTRIM PS0 PS1 PS2 PS3 PS4 PWD RANDOM READLINE_ARGUMENT READLINE_LINE
READLINE_MARK READLINE_POINT REPLY SECONDS SHELL SHELLOPTS SHLVL SRANDOM SSH2_CLIENT SSH_CLIENT TERM
TERMCAP TIMEFORMAT TMOUT TMPDIR UID VISUAL _ auto_resume histchars
"""
