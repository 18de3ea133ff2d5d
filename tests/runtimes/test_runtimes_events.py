"""Events that are damaged, and given again, in every language: who asks next, and where."""

from __future__ import annotations

import json

from rie.support import told


def test_an_event_damaged_and_given_again(example):
    function = example.start(
        FAULTLAYER_EVENT='{"filler":"abc"}',
        FAULTLAYER_DUPLICATE="3",
        FAULTLAYER_BATCH="1",
        FAULTLAYER_OVERSIZE="100KB",
    )
    records = [{"messageId": "m", "eventSource": "aws:sqs"}]
    for number in (1, 2):
        answer = function.invoke({"Records": records})
        assert json.loads(answer.body)["batchItemFailures"] == [{"itemIdentifier": "m"}]
        assert told(answer)["runs"] == 3 * number
        assert told(answer)["filler"] == 3
        assert len(answer.body) < 100 << 10, "an event source reads no blanks"
    answer = function.invoke()
    assert len(answer.body) == 100 << 10
    assert told(answer)["runs"] == 9
    assert len(function.ran()) == 9
    faults = [line["fault"] for line in function.lines("fault_injected")]
    assert faults == ["event", "duplicate", "batch"] * 2 + ["event", "duplicate", "oversize"]


def test_an_error_ends_the_deliveries(example):
    function = example.start(FAULTLAYER_DUPLICATE="2", FAULTLAYER_DUPLICATE_MAX="1")
    error = function.invoke({"raise": "42"}).json()
    assert error["errorMessage"] == "no such order: 42"
    assert len(function.ran()) == 1
    assert told(function.invoke())["runs"] in (2, 3)
    assert len(function.ran()) == 3
