"""Starts that are slow, that fail, and that have a wrong configuration, in every language."""

from __future__ import annotations

import json
import re

from rie.support import told


def test_a_start_that_fails_is_told_to_the_caller_and_the_next_one_works(example):
    """Also in languages whose clients have no call for it."""
    function = example.start(FAULTLAYER_INIT="error", FAULTLAYER_INIT_MAX="1")
    error = json.loads(function.invoke().body)
    assert error["errorType"] == "Runtime.InitError"
    assert error["errorMessage"] == "faultlayer failed the start"
    assert told(function.invoke())["runs"] == 1
    assert [line["fault"] for line in function.lines()] == ["init"]
    for noise in ("Traceback", "Uncaught", "panicked", "Exception in"):
        assert noise not in function.log


def test_a_slow_start_shows_in_its_duration(example):
    function = example.start(FAULTLAYER_INIT="2s")
    assert told(function.invoke())["runs"] == 1
    assert told(function.invoke())["runs"] == 2
    (took,) = re.findall(r"INIT REPORT\(durationMs: ([0-9.]+)\)", function.log)
    assert float(took) >= 2000
    assert [line["fault"] for line in function.lines()] == ["init"]


def test_the_function_starts_with_a_wrong_configuration(example):
    """It fails as it does by itself, without a proxy in its path; the next start is right."""
    text = "no 'table'\nname $(exit 3)"
    changes = json.dumps({"FAIL_AT_START": text})
    function = example.start(FAULTLAYER_ENV=changes, FAULTLAYER_ENV_MAX="1")
    function.invoke()
    assert "name $(exit 3)" in function.log
    assert not function.ran()
    seen = told(function.invoke())
    assert (seen["runs"], seen["api"]) == (1, function.lambdas_address)
    (line,) = function.lines()
    assert (line["fault"], line["set"]) == ("env", ["FAIL_AT_START"])
