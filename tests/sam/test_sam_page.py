"""docs/sam.md: its template and every `sam` command of it, with the real command and engine."""

from __future__ import annotations

import json
import shlex

import pytest

from docs import pages
from faultlayer_cli.layers import checkout
from faultlayer_cli.running import downloads
from sam.sam_cli import ROOT, lines

FOLDER = ROOT / "examples" / "sam-local"
COMMANDS = [
    shlex.split(line)[1:]
    for page in (ROOT / "docs" / "sam.md", ROOT / "README.md")
    for line in pages.commands(page, "sam")
]
INVOKE = [command for command in COMMANDS if command[1] == "invoke"]
SERVE = [command for command in COMMANDS if command[1] == "start-api"]
UNTOUCHED = (200, None)

pytestmark = pytest.mark.usefixtures("python")


@pytest.fixture(autouse=True)
def layer_of_the_template():
    if downloads.architecture() != "x86_64":
        pytest.skip("examples/sam-local/template.yaml is of x86_64")
    checkout.layer("x86_64")


def expected(command):
    """The status that the function answers with, and the fault that the log names."""
    overrides = " ".join(command)
    if "FaultStatus=503" in overrides:
        return 503, "status"
    if "FaultException" in overrides:
        return None, "exception"
    return 200, "latency" if "FaultLatency" in overrides else None


def test_the_pages_have_commands_of_each_kind():
    assert len(COMMANDS) == len(INVOKE) + len(SERVE)
    assert {expected(command) for command in INVOKE} >= {
        UNTOUCHED,
        (200, "latency"),
        (503, "status"),
        (None, "exception"),
    }
    assert {expected(command) for command in SERVE} == {(200, "latency"), (503, "status")}


@pytest.mark.parametrize("command", INVOKE, ids=" ".join)
def test_invoke(sam, command):
    said = sam.run(*command, "--skip-pull-image", folder=FOLDER)
    assert said.code == 0, said.log
    status, fault = expected(command)
    assert said.answer.get("statusCode") == status, said.out
    assert [line["fault"] for line in lines(said.log, "fault_injected")] == [fault] * bool(fault)
    if status is None:
        assert said.answer["errorMessage"] == "no such order"


@pytest.mark.parametrize("command", SERVE, ids=" ".join)
def test_start_api(sam, command):
    _, what, *rest = command
    options = ["--template", FOLDER / "template.yaml", "--skip-pull-image", *rest]
    with sam.serve(what, *options) as server:
        status, body = server.get("/hello?name=Ada")
        wanted, fault = expected(command)
        assert status == wanted, server.log
        assert "Ada" in json.dumps(body) or status == 503
        assert [line["fault"] for line in server.injected(1)] == [fault]
