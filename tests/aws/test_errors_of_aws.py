"""What AWS answers besides yes: one line each, never a traceback, and never a wrong "done"."""

from __future__ import annotations

import json

import pytest
from aws_support import Aws, Cli, Make
from strict import READ, UPDATE

FAULT = ("--status", "503")
LASTING = 1000  # calls: longer than any command asks


@pytest.fixture
def attached(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    """Two functions with faults."""
    for name in ("a", "b"):
        make(name)
    assert cli("attach", "a", "b", *FAULT, "--yes").code == 0


@pytest.mark.parametrize("typed", [["stop"], ["detach", "a", "b", "--yes"]], ids=" ".join)
def test_a_change_that_is_not_seen_to_be_applied_is_not_done(
    aws: Aws, cli: Cli, attached: None, typed: list[str]
) -> None:
    aws.front.before(
        UPDATE,
        lambda: aws.front.refuse(READ, 429, "TooManyRequestsException", "slow", LASTING, "b"),
        "b",
    )
    said = cli(*typed)
    assert said.code == 1, said
    (line,) = [line for line in said.lines if "b: failed" in line]
    assert "was changed, and it is not known whether AWS applied it: " in line
    assert "1 changed, 1 failed" in said.err


@pytest.mark.parametrize("typed", [["stop"], ["stop", "--detach"]], ids=" ".join)
def test_stop_is_not_certain_while_aws_is_applying_it(
    aws: Aws, cli: Cli, attached: None, typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faultlayer_cli.fleet.stop._WAIT", 1.0)
    aws.front.update_takes = LASTING
    said = cli(*typed)
    assert said.code == 1, said
    assert "AWS is still applying it" in said.err or "is still being updated" in said.err


def test_stop_and_detach_that_aws_applies_late_is_done(
    aws: Aws, cli: Cli, attached: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faultlayer_cli.fleet.stop._WAIT", 1.0)
    aws.front.update_takes = 2  # reads: one of them after the wait is over
    said = cli("stop", "--detach")
    assert said.code == 0, said
    assert "2 changed" in said.err
    assert aws.variables("a") == {}


@pytest.mark.parametrize("command", ["attach", "stop", "detach"])
@pytest.mark.parametrize(
    ("code", "message", "said"),
    [
        (
            "ResourceConflictException",
            "The function is currently in the following state: Failed",
            "b: failed: UpdateFunctionConfiguration function b: AWS answers "
            "ResourceConflictException: The function is currently in the following state: Failed",
        ),
        (
            "CodeVerificationFailedException",
            "The code signature failed the integrity check",
            "b: failed: function b takes signed layers alone, by its code signing configuration",
        ),
        ("KMSDisabledException", "the key is disabled", "AWS answers KMSDisabledException"),
    ],
)
def test_a_refusal_is_told_in_its_own_words(
    aws: Aws, cli: Cli, attached: None, command: str, code: str, message: str, said: str
) -> None:
    aws.front.refuse(UPDATE, 409 if "Conflict" in code else 400, code, message, LASTING, "b")
    more = {"attach": [*FAULT, "--for", "2h", "--yes"], "detach": ["--yes"]}.get(command, [])
    told = cli(command, "a", "b", *more)
    assert told.code == 1
    assert len([line for line in told.lines if said in line]) == 1, told
    assert "1 changed, 1 failed" in told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize("command", ["attach", "stop", "detach"])
def test_a_function_that_is_deleted_meanwhile_is_unknown(
    aws: Aws, cli: Cli, attached: None, command: str
) -> None:
    delete = aws.client("lambda").delete_function
    aws.front.before(UPDATE, lambda: delete(FunctionName="b"), "b")
    more = {"attach": [*FAULT, "--for", "2h", "--yes"], "detach": ["--yes"]}.get(command, [])
    said = cli(command, "a", "b", *more)
    assert said.code == 1, said
    assert "b: unknown: function b does not exist" in said.err
    assert "1 changed, 1 unknown" in said.err
    assert "are hit" not in said.err or "of a are hit" in said.lines[-1]


def test_status_shows_the_others_if_one_cannot_be_read(aws: Aws, cli: Cli, attached: None) -> None:
    aws.front.deny(READ, "b")
    said = cli("status", "a", "b", "--json")
    assert said.code == 1
    told = json.loads(said.out)
    assert [one["function"] for one in told["functions"]] == ["a"]
    assert "b: GetFunctionConfiguration function b: AWS answers AccessDenied" in told["unknown"][0]
    said = cli("status", "b")
    assert said.code == 1
    assert "has the layer" not in said.err  # nothing is said that is not known


def test_a_function_that_aws_has_put_to_sleep_is_attached_to(
    aws: Aws, make: Make, cli: Cli, layer: str
) -> None:
    make("idle")
    aws.front.known("idle").told["State"] = "Inactive"
    assert cli("attach", "idle", *FAULT).code == 0
    assert cli("stop", "idle").code == 0
    assert cli("detach", "idle").code == 0
    aws.front.known("idle").told["State"] = "Failed"
    said = cli("attach", "idle", *FAULT)
    assert said.code == 2
    assert "is in the state Failed" in said.err
