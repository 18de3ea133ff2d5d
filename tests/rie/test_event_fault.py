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
