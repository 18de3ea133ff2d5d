"""OVERSIZE under the real emulator: what Lambda makes of answers over its limit."""

from __future__ import annotations

import json

from rie.support import told


def test_over_the_limit_the_caller_gets_what_lambda_says_of_answers_that_are_too_large(run):
    really = run().invoke({"size": 7 << 20})
    function = run(FAULTLAYER_OVERSIZE="7MB", FAULTLAYER_OVERSIZE_MATCH="hit")
    answer = function.invoke({"hit": 1})
    assert (answer.status, answer.body) == (really.status, really.body)
    assert json.loads(answer.body)["errorType"] == "Function.ResponseSizeTooLarge"
    (line,) = function.lines("fault_injected")
    assert (line["fault"], line["size"]) == ("oversize", 7 << 20)
    assert told(function.invoke())["runs"] == 1, "the runtime exited, as it does by itself"


def test_an_injected_answer_grows_too(run):
    function = run(FAULTLAYER_OVERSIZE="7MB", FAULTLAYER_STATUS="503", FAULTLAYER_STATUS_MAX="1")
    answer = json.loads(function.invoke().body)
    assert answer["errorType"] == "Function.ResponseSizeTooLarge"
    assert len(function.lines("answer_refused")) == 1
    assert [line["fault"] for line in function.lines("fault_injected")] == ["oversize"]
    (refused,) = function.lines("fault_not_applied")
    assert refused["message"] == "Lambda refused it with the status 413"
    assert not function.ran()
