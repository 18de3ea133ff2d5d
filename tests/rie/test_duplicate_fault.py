"""DUPLICATE under the real emulator: at-least-once delivery to a real function."""

from __future__ import annotations

import json


def test_the_function_runs_several_times_and_the_last_answer_leaves(run):
    function = run(handler="once.handler", FAULTLAYER_DUPLICATE="3")
    for number in range(1, 4):
        assert json.loads(function.invoke().body) == {"seen": 3}
        assert len(function.ran()) == 3 * number
        assert len(set(function.ran()[-3:])) == 1, "under one request id"
    lines = function.lines("fault_injected")
    assert [(line["fault"], line["times"]) for line in lines] == [("duplicate", 3)] * 3


def test_no_delivery_that_could_not_finish(run):
    function = run(handler="once.handler", timeout=6, FAULTLAYER_DUPLICATE="10")
    assert json.loads(function.invoke().body) == {"seen": 10}, "which starts it, too"
    assert json.loads(function.invoke({"sleep": 1.6}).body) == {"seen": 3}
    assert len(function.ran()) == 13
    (line,) = function.lines("deliveries_cut_short")
    assert line["deliveries"] == 3
    assert json.loads(function.invoke().body) == {"seen": 10}
