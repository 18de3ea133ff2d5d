"""EVENT under the real emulator: what a real function finds in its event."""

from __future__ import annotations

import json


def test_the_function_gets_a_damaged_event(run):
    changes = '{"detail.amount":"five","detail.id":null,"detail.a.b":[null]}'
    function = run(handler="seen.handler", FAULTLAYER_EVENT=changes)
    event = {"detail": {"amount": 5, "id": "x", "text": "é"}, "big": 12345678901234567890}
    expected = {"detail": {"amount": "five", "text": "é", "a": {"b": [None]}}, "big": event["big"]}
    for _ in range(2):
        assert json.loads(function.invoke(event).body) == expected
    lines = function.lines("fault_injected")
    assert [(line["fault"], line["paths"]) for line in lines] == [("event", 3)] * 2


def test_a_member_that_is_gone_is_the_function_s_error(run):
    function = run(FAULTLAYER_EVENT='{"size":"huge"}')
    answer = json.loads(function.invoke({"size": 3}).body)
    assert answer["errorType"] == "ValueError"
    assert json.loads(function.invoke("text").body)["statusCode"] == 200
    assert len(function.lines("fault_injected")) == 1
    assert len(function.lines("fault_not_applied")) == 1
