"""What is held on a Managed Instance, where many invocations share one environment."""

from __future__ import annotations

import json
import threading
import uuid

from instance import SEED, Managed, drawn, invoke_all, token
from test_managed_instances import Run, allowed, right, run, spread

from fakes.proxied import soon
from rie.held import descendants

__all__ = ["allowed", "run"]

IDS = [str(uuid.UUID(int=number)) for number in range(300)]
HIT, OTHERS = IDS[:4], IDS[4:]
EACH = {"match": {"token": {"in": [token(request_id) for request_id in HIT]}}}
PLAN = {
    "faults": [
        {"fault": "memory", "amount": "5MB", **EACH},
        {"fault": "disk", "amount": "1MB", **EACH},
        {"fault": "latency", "delay": "6s", "when": "after", **EACH},
    ]
}


def burdens(function: Managed) -> int:
    assert function._process is not None
    return sum(
        b"faultlayer.environment.load_process" in line
        for line in descendants(function._process.pid).values()
    )


def test_each_of_several_at_once_holds_its_own_and_others_nothing(run: Run) -> None:
    function = run(FAULTLAYER_PLAN=json.dumps(PLAN))
    for result in invoke_all(function, spread(OTHERS[:60])):
        right(result)
    assert burdens(function) == 0
    slow = threading.Thread(target=invoke_all, args=(function, [[name] for name in HIT]))
    slow.start()
    try:
        assert soon(lambda: burdens(function) == len(HIT), 5)
        for result in invoke_all(function, spread(OTHERS[60:120])):
            right(result)
            assert result.ended - result.begun < 5, "nobody waits for those"
        assert burdens(function) == len(HIT)
    finally:
        slow.join()
    assert soon(lambda: burdens(function) == 0)
    lines = function.lines("fault_injected", least=3 * len(HIT))
    for fault in ("memory", "disk", "latency"):
        hit = [line["request_id"] for line in lines if line["fault"] == fault]
        assert sorted(hit) == HIT
    assert {line["held"] for line in lines if line["fault"] == "disk"} == {1 << 20}


def test_over_hundreds_nothing_is_lost_and_nothing_stays(run: Run) -> None:
    rate = 0.2
    function = run(
        FAULTLAYER_MEMORY="2MB",
        FAULTLAYER_DISK="1MB",
        FAULTLAYER_RATE=str(rate),
        FAULTLAYER_SEED=SEED,
    )
    results = invoke_all(function, spread(IDS))
    assert sorted(result.request_id for result in results) == IDS
    for result in results:
        right(result)
    due = {
        fault: [name for name in IDS if drawn(fault, name) < rate] for fault in ("memory", "disk")
    }
    lines = function.lines("fault_injected", least=sum(map(len, due.values())))
    for fault, expected in due.items():
        hit = [line["request_id"] for line in lines if line["fault"] == fault]
        assert sorted(hit) == expected
    assert soon(lambda: burdens(function) == 0)
    assert sorted(function.ran(least=len(IDS))) == IDS
