"""Many functions at once: how they are found, confirmed, changed, interrupted, stopped."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable
from typing import Any

import pytest
from aws_support import Aws, Cli, Make
from strict import UPDATE

WRAPPER = "/opt/faultlayer-wrapper"
RUNTIMES = ("python3.12", "nodejs22.x", "java21", "ruby3.3", "dotnet8")
Command = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def layers(aws: Aws) -> dict[str, str]:
    return {architecture: aws.ours(architecture) for architecture in ("x86_64", "arm64")}


def hit(aws: Aws, *names: str) -> list[bool]:
    return ["FAULTLAYER_STATUS" in aws.variables(name) for name in names]


def test_several_functions_are_confirmed_by_their_number(
    aws: Aws, make: Make, cli: Cli, layers: dict[str, str]
) -> None:
    make("a")
    make("b")
    for typed in (None, "", "3\n", "yes\n"):
        said = cli("attach", "a", "b", "--status", "503", input=typed)
        assert said.code == 2
        assert "not confirmed; nothing was changed" in said.err
        assert hit(aws, "a", "b") == [False, False]
    said = cli("attach", "a", "b", "--status", "503", input="2\n")
    assert said.code == 0
    assert "attach to 2 functions in eu-west-1: a, b" in said.err
    assert hit(aws, "a", "b") == [True, True]


def test_many_functions_are_said_in_few_lines(
    aws: Aws, make: Make, cli: Cli, layers: dict[str, str]
) -> None:
    names = [f"orders-{number:02}" for number in range(13)]
    for name in names:
        make(name)
    for name in ("osonly-1", "osonly-2", "osonly-3"):
        make(name, runtime="provided.al2023")
    said = cli("attach", "o*", "--status", "503", "--until", "2099-01-01T00:00:00Z", input="13\n")
    assert said.code == 1
    first_ten = ", ".join(names[:10])
    assert f"attach to 13 functions in eu-west-1: {first_ten} and 3 more" in said.err
    assert "besides: 3 refused" in said.err
    (line,) = [line for line in said.lines if "ignores exec wrappers" in line]
    assert "faultlayer: 3 functions: refused: its runtime, provided.al2023" in line
    assert line.endswith(": osonly-1, osonly-2, osonly-3")
    assert len(said.out.splitlines()) == 5  # a heading, those changed, three refused
    assert "13 changed, 3 refused" in said.lines[-2]
    assert "all invocations of 13 functions are hit" in said.lines[-1]
    again = ("attach", "o*", "--status", "503", "--until", "2099-01-01T00:00:00Z")
    said = cli(*again, "--dry-run")
    assert f"{first_ten} and 3 more: unchanged" in said.out
    said = cli("detach", "orders-*", "--dry-run")
    assert said.out.count("- FAULTLAYER_STATUS=503") == 1
    said = cli("stop")
    assert "13 changed" in said.lines[-1]


@pytest.mark.nightly
def test_280_functions_and_an_interrupt_that_is_gone_on_from(
    aws: Aws, make: Make, cli: Cli, command: Command, layers: dict[str, str]
) -> None:
    """All functions are changed, in as few words as a dozen."""
    names = [f"orders-{number:03}" for number in range(280)]
    for name in names:
        make(name)
    reached = threading.Semaphore(0)
    for _ in range(40):
        aws.front.before(UPDATE, reached.release)
    process = command("attach", "orders-*", "--status", "503", "--forever", "--yes", "--json")
    for _ in range(40):
        assert reached.acquire(timeout=60)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    told = {entry["function"]: entry["outcome"] for entry in json.loads(out)["functions"]}
    assert set(told) == set(names)
    changed = [name for name in names if told[name] == "changed"]
    assert 30 <= len(changed) < 280
    assert hit(aws, *names) == [name in changed for name in names]
    assert "Traceback" not in err
    going_on = shlex.split(err.partition("; to go on: ")[2].split("\n")[0])
    assert set(names) - set(changed) <= set(going_on)
    said = cli(*going_on[1:])
    assert said.code == 0, said.err
    assert all(hit(aws, *names))
    first_ten = ", ".join(names[:10])
    said = cli("attach", "orders-*", "--status", "418", input="280\n")
    assert f"attach to 280 functions in eu-west-1: {first_ten} and 270 more" in said.err
    assert said.lines[-2].endswith(": 280 changed")
    assert "all invocations of 280 functions are hit by status 418" in said.lines[-1]
    assert len(said.out.splitlines()) == 2, "a heading, and one row"
    said = cli("stop")
    assert (said.code, said.lines[-1].endswith(": 280 changed")) == (0, True), said.lines[-1]


def test_a_pace_is_kept_and_an_interrupt_ends_the_pause(
    aws: Aws, make: Make, command: Command, layers: dict[str, str]
) -> None:
    for name in ("a", "b", "c"):
        make(name)
    changed = threading.Event()
    aws.front.before(UPDATE, changed.set)
    typed = ["attach", "a", "b", "c", "--status", "503", "--forever", "--yes", "--pace", "1"]
    process = command(*typed, "--json")
    assert changed.wait(30)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    told = [entry["outcome"] for entry in json.loads(out)["functions"]]
    assert process.returncode == 1
    assert sorted(told) == ["changed", "interrupted", "interrupted"]
    assert hit(aws, "a", "b", "c") == [outcome == "changed" for outcome in told]
    assert "3 changes at 1 a minute take 2 min" in err
    assert "cold starts" in err
    assert "--pace 1" in err.partition("; to go on: faultlayer attach ")[2]
    assert "Traceback" not in err


def test_a_failure_of_one_leaves_the_others(
    aws: Aws, make: Make, cli: Cli, layers: dict[str, str]
) -> None:
    for name in ("a", "b", "c"):
        make(name)
    aws.front.deny(UPDATE, "b")
    said = cli("attach", "a", "b", "c", "--status", "503", "--yes")
    assert said.code == 1
    assert hit(aws, "a", "b", "c") == [True, False, True]
    assert len([line for line in said.lines if line.startswith("faultlayer: b: failed: ")]) == 1
    assert "2 changed, 1 failed" in said.err


def test_interrupted_each_is_changed_or_not_and_known(
    aws: Aws, make: Make, command: Command, layers: dict[str, str]
) -> None:
    names = [f"f{number:02}" for number in range(30)]
    for name in names:
        make(name)
    reached, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        go_on.wait(20)

    aws.front.before(UPDATE, hold)
    process = command("attach", *names, "--status", "503", "--yes", "--json")
    assert reached.wait(30)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    go_on.set()
    out, err = process.communicate(timeout=60)
    told = {entry["function"]: entry["outcome"] for entry in json.loads(out)["functions"]}
    assert process.returncode == 1
    assert set(told.values()) <= {"changed", "interrupted"}
    assert [told[name] == "changed" for name in names] == hit(aws, *names)
    assert list(told) == names
    left = [name for name in names if told[name] == "interrupted"]
    (line,) = [line for line in err.splitlines() if ": interrupted: not changed: " in line]
    assert line.endswith(", ".join(left))
    (line,) = [line for line in err.splitlines() if "; to go on: " in line]
    assert f"{30 - len(left)} changed, {len(left)} interrupted" in line
    command = line.partition("; to go on: ")[2]
    assert command == f"faultlayer attach {' '.join(left)} --yes --json --status 503"


def test_stop_reaches_every_attached_function(
    aws: Aws, make: Make, cli: Cli, layers: dict[str, str]
) -> None:
    make("a", variables={"TABLE": "t"})
    make("b", architecture="arm64")
    make("other", variables={"TABLE": "t"})
    make("image", image=True, variables={"FAULTLAYER_STATUS": "503"})
    cli("attach", "a", "b", "--status", "503", "--yes")
    other = aws.configuration("other")
    said = cli("stop")
    assert said.code == 0, said
    for name in ("a", "b", "image"):
        assert aws.variables(name)["FAULTLAYER_DISABLED"] == "true"
        assert aws.variables(name)["FAULTLAYER_STATUS"] == "503"
    assert aws.configuration("other") == other
    assert cli("detach", "a").code == 0
    assert aws.variables("a") == {"TABLE": "t"}


def test_stop_goes_on_and_says_what_is_left(
    aws: Aws, make: Make, cli: Cli, layers: dict[str, str]
) -> None:
    for name in ("a", "b", "c"):
        make(name)
    cli("attach", "?", "--status", "503", "--yes")
    aws.front.deny(UPDATE, "b")
    aws.front.before(UPDATE, lambda: aws.set_variables("c", NEW="1", **aws.variables("c")), "c")
    said = cli("stop")
    assert said.code == 1
    assert [aws.variables(name).get("FAULTLAYER_DISABLED") for name in "abc"] == [
        "true",
        None,
        "true",
    ]
    assert aws.variables("c")["NEW"] == "1"
    assert len([line for line in said.lines if "b: failed" in line]) == 1


def test_stop_and_detach(aws: Aws, make: Make, cli: Cli, layers: dict[str, str]) -> None:
    make("a", variables={"TABLE": "t"})
    make("image", image=True, variables={"FAULTLAYER_STATUS": "503"})
    cli("attach", "a", "--status", "503")
    assert cli("stop", "--detach").code == 0
    assert aws.variables("a") == {"TABLE": "t"}
    assert aws.layers("a") == []
    assert aws.variables("image")["FAULTLAYER_DISABLED"] == "true"


def test_stop_where_there_is_nothing(aws: Aws, make: Make, cli: Cli) -> None:
    make("a")
    said = cli("stop")
    assert said.code == 4
    assert "no function in eu-west-1 has the layer" in said.err


def test_stop_of_the_named_ones_goes_on_past_an_unknown(
    aws: Aws, make: Make, cli: Cli, layers: dict[str, str]
) -> None:
    make("a")
    make("b")
    cli("attach", "a", "b", "--status", "503", "--yes")
    said = cli("stop", "nobody", "a")
    assert said.code == 1
    assert aws.variables("a")["FAULTLAYER_DISABLED"] == "true"
    assert "FAULTLAYER_DISABLED" not in aws.variables("b")
    assert "function nobody does not exist" in said.err


def test_stop_waits_for_an_update_in_progress(
    aws: Aws, make: Make, cli: Cli, layers: dict[str, str]
) -> None:
    make("a")
    cli("attach", "a", "--status", "503")
    aws.front.busy("a", 2)
    assert cli("stop").code == 0
    assert aws.variables("a")["FAULTLAYER_DISABLED"] == "true"


def fifty(aws: Aws, make: Make) -> tuple[list[str], dict[str, str]]:
    """Fifty functions: their names, and why ten of them are impossible or restorable."""
    others = [aws.layer(f"l{number}") for number in range(5)]
    special: list[tuple[str, dict[str, Any], str]] = [
        *[("five", {"layers": others}, "5 layers") for _ in range(3)],
        *[("four", {"layers": others[:4]}, "") for _ in range(2)],
        ("dog", {"variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/datadog_wrapper"}}, ""),
        ("otel", {"variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-handler"}}, ""),
        ("full", {"variables": {"FILL": "x" * 4080}}, "4096"),
        ("full", {"variables": {"FILL": "ü" * 2000}}, "4096"),
        ("room", {"variables": {"FILL": "x" * 3900}}, ""),
    ]
    names, impossible = [], {}
    for number in range(50):
        kind, made, why = special[number] if number < len(special) else ("plain", {}, "")
        name = f"{kind}-{number:02}"
        make(
            name,
            runtime=RUNTIMES[number % len(RUNTIMES)],
            architecture=("x86_64", "arm64")[number % 2],
            **({"variables": {"N": str(number)}} | made),
        )
        names.append(name)
        if why:
            impossible[name] = why
    return names, impossible


def test_fifty_functions_of_all_kinds(
    aws: Aws, make: Make, cli: Cli, layers: dict[str, str]
) -> None:
    names, impossible = fifty(aws, make)
    before = {name: aws.configuration(name) for name in names}
    said = cli("attach", "*", "--status", "503", "--yes", "--json")
    told = {entry["function"]: entry for entry in json.loads(said.out)["functions"]}
    assert said.code == 1  # some were changed, some could not be
    assert sorted(told) == sorted(names)
    for name in names:
        if name in impossible:
            assert told[name]["outcome"] == "refused"
            assert impossible[name] in told[name]["reason"]
            assert aws.configuration(name) == before[name]
            continue
        assert told[name]["outcome"] == "changed"
        assert aws.layers(name)[-1] == layers[before[name]["Architectures"][0]]
        assert aws.variables(name)["AWS_LAMBDA_EXEC_WRAPPER"] == WRAPPER
        answer = aws.client("lambda").invoke(FunctionName=name, Payload=b"{}")
        assert answer["StatusCode"] == 200
    said = cli("detach", "*", "--yes", "--json")
    assert said.code == 0
    for name in names:
        now, then = aws.configuration(name), before[name]
        assert now.get("Layers") == then.get("Layers"), name
        assert now.get("Environment") == then.get("Environment"), name
        ignored = {"LastModified", "RevisionId"}
        assert {k: v for k, v in now.items() if k not in ignored} == {
            k: v for k, v in then.items() if k not in ignored
        }
