"""An armed layer whose runtime does not come to it says so, and why."""

from __future__ import annotations

import pytest

from fakes.proxied import soon
from faultlayer_cli.running.emulator import TASK, Emulator
from faultlayer_cli.running.local_function import LocalFunction
from rie.conftest import PROBE
from rie.support import Function, told

ARMED = {"FAULTLAYER_STATUS": "503"}


@pytest.mark.parametrize("wrapper", [None, f"{TASK}/other-wrapper"], ids=["unset", "another"])
def test_without_our_wrapper_two_lines_say_why_nothing_is_injected(wrapper):
    env = {"AWS_LAMBDA_EXEC_WRAPPER": wrapper, **ARMED}
    with Emulator(LocalFunction(PROBE, env=env)) as emulator:
        function = Function(emulator)
        assert told(function.invoke())["runs"] == 1
        assert soon(lambda: function.lines("not_redirected")), "once it has asked Lambda itself"
        [at_start] = function.lines("not_redirected")
        assert at_start["level"] == "warn"
        assert at_start["variable"] == "AWS_LAMBDA_EXEC_WRAPPER"
        assert "/opt/faultlayer-wrapper" in at_start["message"]
        emulator.stop()
        [_, at_shutdown] = function.lines("not_redirected")
        assert "no invocation came through the proxy" in at_shutdown["message"]
        assert "FAULTLAYER_NEXT_WRAPPER" in at_shutdown["message"]


def test_with_our_wrapper_there_is_nothing_to_say():
    with Emulator(LocalFunction(PROBE, env=ARMED)) as emulator:
        function = Function(emulator)
        function.invoke()
        emulator.stop()
        assert function.lines("not_redirected") == []


def test_a_failed_start_is_no_missing_wrapper():
    with Emulator(LocalFunction(PROBE, "broken.handler", env=ARMED)) as emulator:
        function = Function(emulator)
        function.invoke()
        emulator.stop()
        assert function.lines("not_redirected") == []


def test_an_idle_layer_does_not_mind_the_wrapper():
    unwrapped = LocalFunction(PROBE, env={"AWS_LAMBDA_EXEC_WRAPPER": None})
    with Emulator(unwrapped) as emulator:
        function = Function(emulator)
        function.invoke()
        emulator.stop()
        assert function.lines() == []
