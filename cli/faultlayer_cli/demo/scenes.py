"""`faultlayer demo`: one function, its code untouched, and the three opening questions asked of it.

Every number was measured in this run, on the real emulator. Nothing that it starts outlives it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from pathlib import Path

from faultlayer_cli.demo.screen import Measurements, Scene, Screen
from faultlayer_cli.layers import built, checkout
from faultlayer_cli.running import downloads
from faultlayer_cli.running.emulator import REQUEST_ID, Emulator
from faultlayer_cli.running.http_client import Response
from faultlayer_cli.running.local_function import LocalFunction
from faultlayer_cli.terminal import TERMINAL

INVOCATIONS = 20
EXAMPLE = Path("examples") / "hello"
RAN = "for request "  # the example's handler prints this with the request's id


SCENES = (
    Scene("untouched", "What does it do by itself?", {}),
    Scene("late", "What if it takes an extra 300 ms?", {"FAULTLAYER_LATENCY": "300ms"}),
    Scene("error code", "What if it returns an error code?", {"FAULTLAYER_STATUS": "503"}),
    Scene(
        "throws",
        "What if there is an exception in the code?",
        {"FAULTLAYER_EXCEPTION": "ValueError: no such order"},
    ),
)


def kind(answer: Response) -> tuple[str, bool]:
    """The caller's answer in a few words, and whether it is an error."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return answer.body.decode("utf-8", "replace")[:40], True
    if isinstance(body, dict) and "errorType" in body:
        return str(body["errorType"]), True
    if isinstance(body, dict) and isinstance(body.get("statusCode"), int):
        return f"HTTP {body['statusCode']}", body["statusCode"] >= 400
    return "an answer", answer.status >= 400


def play(scene: Scene, folder: Path, event: bytes) -> Measurements:
    """Run one scene: a cold start, then the warm invocations that count."""
    outcome = Measurements(scene)
    function = LocalFunction(folder, env=scene.variables, storage=512)
    with Emulator(function, echo=False) as emulator:
        outcome.cold = emulator.invoke(event).seconds * 1000
        ids = [str(uuid.uuid4()) for _ in range(INVOCATIONS)]
        for request_id in ids:
            answer = emulator.invoke(event, {REQUEST_ID: request_id})
            outcome.times.append(answer.seconds * 1000)
            name, error = kind(answer)
            outcome.answers[name] += 1
            outcome.errors += error
        emulator.stop()  # the log is complete now
        outcome.ran = sum(RAN + request_id in emulator.log for request_id in ids)
    return outcome


def run() -> Sequence[Measurements]:
    root = checkout.root()
    folder = (root or downloads.DATA) / EXAMPLE
    event = (folder / "event.json").read_bytes()
    for fetch in (downloads.emulator, downloads.runtime):  # before the first scene, not amid it
        fetch(TERMINAL)
    built.tree(downloads.architecture(), TERMINAL)
    screen = Screen()
    screen.title(folder if root is None else EXAMPLE, INVOCATIONS)
    outcomes = []
    for scene in SCENES:
        screen.scene(scene)
        outcomes.append(play(scene, folder, event))
        screen.outcome(outcomes[-1])
    screen.table(outcomes)
    screen.chart(outcomes)
    screen.next_step()
    return outcomes
