"""Runtimes that are killed, in every language: each is found, and begins anew."""

from __future__ import annotations

import pytest

from rie.support import told


@pytest.mark.parametrize("moment", ["before", "during"])
def test_a_runtime_is_killed_and_begins_anew(example, moment):
    function = example.start(
        FAULTLAYER_CRASH=moment, FAULTLAYER_CRASH_AFTER="10s", FAULTLAYER_CRASH_MATCH="filler"
    )
    assert told(function.invoke())["runs"] == 1
    for number in (1, 2):
        error = function.invoke({"filler": "abc"}).json()
        assert error["errorType"] == "Runtime.ExitError"
        assert error["errorMessage"].endswith("signal: killed")
        assert told(function.invoke())["runs"] == 1, "a cold start"
        assert len(function.ran()) == 1 + number * (1 if moment == "before" else 2)
    assert told(function.invoke())["runs"] == 2
    assert [line["event"] for line in function.lines()] == ["fault_injected"] * 2
