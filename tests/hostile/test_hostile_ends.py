"""The extension killed in the middle of things, under the real emulator."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable

import pytest
from hostile_support import extension_of

from faultlayer_cli.running.http_client import Response
from rie.support import Function, told


@pytest.mark.parametrize(
    "faults",
    [
        {"FAULTLAYER_LATENCY": "1ms"},
        {"FAULTLAYER_LATENCY": "2s"},
        {"FAULTLAYER_LATENCY": "2s", "FAULTLAYER_LATENCY_WHEN": "after"},
    ],
    ids=["while the function runs", "while the event is held", "while the answer is held"],
)
def test_killed_in_mid_invocation_the_caller_gets_an_error_and_the_next_environment_works(
    run: Callable[..., Function], faults: dict[str, str]
) -> None:
    """As Lambda does with any extension that dies: the environment is replaced."""
    function = run(**faults, FAULTLAYER_HEADERS='{"x-fault":"on"}', FAULTLAYER_LATENCY_MATCH="slow")
    first = told(function.invoke())
    extension = extension_of(function.emulator)  # looked for now: the function runs for 2 s only
    answers: list[Response] = []
    caller = threading.Thread(target=lambda: answers.append(function.invoke({"slow": 2})))
    caller.start()
    injected = function.emulator.wait_for_log('"fault":"latency"')
    assert "fault_injected" in injected
    os.kill(extension, signal.SIGKILL)
    caller.join(30)
    (answer,) = answers
    assert "errorType" in answer.body.decode()
    for _ in range(2):
        after = json.loads(function.invoke().body)
        assert after["statusCode"] == 200
        assert after["headers"]["x-fault"] == "on", "armed again"
    assert told(function.invoke())["pid"] != first["pid"]
