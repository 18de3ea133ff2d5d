"""Hostile text through every command: the terminal gets no control character of anybody's.

A new command has no line in ATTACKS, so the first test fails until it has one.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from aws_support import Aws, Cli, Make, layer_zip

from faultlayer_cli import main
from faultlayer_cli.commands import local
from faultlayer_cli.demo import scenes
from faultlayer_cli.demo.screen import Measurements
from faultlayer_cli.errors import Failure
from faultlayer_cli.progress import Progress
from faultlayer_cli.running.http_client import Response

EVIL = (
    "EVIL\x1b[2J\x1b]0;x\x07\x9b1A\x7f\x08\u2028\u2029\u202a\u202e\u2066\u2069\ufeff\r\n"
    "faultlayer: all is stopped\t."
)
ALLOWED = re.compile(r"[ -~\n\t–×…▁▂▃▄▅▆▇█─]+")
AT_WORK = {
    "AWS_LAMBDA_EXEC_WRAPPER": "/opt/faultlayer-wrapper",
    "FAULTLAYER_STATUS": "503",
    "FAULTLAYER_STATUS_BODY": EVIL,
}
PLAN = {"faults": [{"fault": "status", "code": 503, "body": EVIL}]}
MATCHED = {"faults": [{"fault": "status", "code": 503, "match": {"path": EVIL}}]}


class World:
    """An account, a folder and a machine that all mean harm."""

    def __init__(self, aws: Aws, make: Make, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.aws, self.make, self.folder, self.patch = aws, make, folder, patch
        inside_xml = re.sub("[\x00-\x1f]", "", EVIL)
        aws.front.refuse("sts:GetCallerIdentity", 403, "AccessDenied", inside_xml, 99)

    def attached(self) -> None:
        self.make("orders", layers=[self.aws.ours()], variables=AT_WORK)

    def refuse(self, action: str) -> None:
        self.aws.front.refuse(action, 400, "ValidationException", EVIL, 99)

    def file(self, name: str, content: str | bytes) -> str:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def parameter(self) -> None:
        self.aws.client("ssm").put_parameter(Name="/p", Value=json.dumps(PLAN), Type="String")


def attach(there: World) -> Sequence[Sequence[str]]:
    there.aws.ours()
    there.make("orders")
    words = ["attach", "orders", "--status", "503", "--status-body", EVIL, "--dry-run"]
    return [words, [*words, "--json"], ["attach", EVIL]]


def detach(there: World) -> Sequence[Sequence[str]]:
    there.attached()
    return [["detach", "orders", "--dry-run"], ["detach", "--stack", EVIL]]


def status(there: World) -> Sequence[Sequence[str]]:
    there.attached()
    return [["status"], ["status", "--json"]]


def stop(there: World) -> Sequence[Sequence[str]]:
    there.attached()
    there.refuse("lambda:UpdateFunctionConfiguration")
    return [["stop"], ["stop", "--json"]]


def publish(there: World) -> Sequence[Sequence[str]]:
    there.refuse("lambda:PublishLayerVersion")
    return [["publish", "--zip", there.file("layer.zip", layer_zip())]]


def arm(there: World) -> Sequence[Sequence[str]]:
    there.parameter()
    plan = there.file("plan.json", json.dumps(MATCHED))
    return [["arm", plan, "--ssm", "/p", "--dry-run"], ["arm", plan, "--ssm", "/p"]]


def disarm(there: World) -> Sequence[Sequence[str]]:
    there.parameter()
    there.refuse("ssm:PutParameter")
    return [["disarm", "--ssm", "/p"]]


def show(there: World) -> Sequence[Sequence[str]]:
    there.parameter()
    return [["show", "--ssm", "/p"], ["show", "--ssm", "/p", "--json"]]


def report(there: World) -> Sequence[Sequence[str]]:
    trouble = {
        "source": "faultlayer",
        "level": "error",
        "event": "config_error",
        "variable": EVIL,
        "message": EVIL,
    }
    hit = {"source": "faultlayer", "event": "fault_injected", "fault": EVIL, "request_id": "1"}
    log = f"{json.dumps(trouble)}\nSTART RequestId: 1\n{json.dumps(hit)}\nREPORT RequestId: 1\n"
    there.refuse("logs:FilterLogEvents")
    return [
        ["report", there.file("log.txt", log)],
        ["report", there.file("log.txt", log), "--json"],
        ["report", "--log-group", "group"],
    ]


def explain(there: World) -> Sequence[Sequence[str]]:
    plan, event = there.file("plan.json", json.dumps(MATCHED)), there.file("event.json", "{}")
    words = ["explain", "--plan", plan, "--event", event]
    return [words, [*words, "--json"], ["explain", "--event", there.file("no", EVIL + "{")]]


def validate(there: World) -> Sequence[Sequence[str]]:
    faults = {"faults": [{"fault": EVIL}, {"fault": "status", "code": 503, EVIL: 1}]}
    return [
        ["validate", there.file("plan.json", json.dumps(faults))],
        ["validate", there.file("plan.yaml", "faults: [EVIL\x1b[2J\x9b")],
        ["validate", "--variables", there.file("v.json", json.dumps({"FAULTLAYER_" + EVIL: "1"}))],
    ]


def wrap_package(there: World) -> Sequence[Sequence[str]]:
    return [["wrap-package", there.file("EVIL\x1b[2J\u202e.zip", b"no zip"), "out.zip"]]


def completion(there: World) -> Sequence[Sequence[str]]:
    return [["completion", EVIL]]


class Place:
    """A function on this machine that writes and answers what harms."""

    url = f"http://{EVIL}"

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def start(self) -> None:
        self._progress.output()(EVIL.encode())

    def close(self) -> None:
        pass

    def tend(self) -> None:
        raise Failure(f"it ended: {EVIL}")

    def invoke(self, event: bytes, headers: Mapping[str, str]) -> Response:
        return Response(200, {}, EVIL.encode(), 0.1)


def local_(there: World) -> Sequence[Sequence[str]]:
    there.patch.setattr(local, "endpoint", lambda launch, progress: Place(progress))
    there.patch.setattr(local, "Service", lambda launch, progress, trouble: Place(progress))
    there.patch.setattr("faultlayer_cli.interrupts.ignore", lambda: None)
    there.file("app.py", "def handler(event, context):\n    pass\n")
    words = ["local", str(there.folder)]
    return [[*words, "--invoke", there.file("event.json", "{}")], words]


def demo(there: World) -> Sequence[Sequence[str]]:
    def play(scene: scenes.Scene, *_: Any) -> Measurements:
        return Measurements(scene, Counter({EVIL[:60]: 1}), 1, 1.0, [1.0], 1)

    there.patch.setattr(scenes, "play", play)
    for name in ("downloads.emulator", "downloads.runtime", "built.tree"):
        there.patch.setattr(f"faultlayer_cli.demo.scenes.{name}", lambda *_: None)
    return [["demo"]]


ATTACKS: dict[str, Callable[[World], Sequence[Sequence[str]]]] = {
    "demo": demo,
    "local": local_,
    "publish": publish,
    "attach": attach,
    "status": status,
    "stop": stop,
    "detach": detach,
    "arm": arm,
    "disarm": disarm,
    "show": show,
    "report": report,
    "explain": explain,
    "validate": validate,
    "wrap-package": wrap_package,
    "completion": completion,
}


def test_every_command_is_attacked() -> None:
    assert list(ATTACKS) == main._COMMANDS


@pytest.mark.parametrize("name", ATTACKS)
def test_no_control_character_reaches_the_terminal(
    aws: Aws, make: Make, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    there = World(aws, make, tmp_path, monkeypatch)
    shown = ""
    for words in ATTACKS[name](there):
        said = cli(*words, input="no\n")
        for text in (said.out, said.err):
            left = ALLOWED.sub("", text)
            assert not left, (words, text)
            # A function's own log and answer are lines of the function's.
            assert name == "local" or "\nfaultlayer: all is" not in text, (words, text)
            assert "Traceback" not in text
            shown += text
    assert "EVIL" in shown
