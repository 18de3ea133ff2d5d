"""A crash on a Managed Instance: all workers are one environment, which ends with the runtime."""

from __future__ import annotations

import json
import uuid

from instance import Result, invoke_all, token
from test_managed_instances import Run, allowed, right, run

from fakes.proxied import soon

__all__ = ["allowed", "run"]

IDS = [str(uuid.UUID(int=number)) for number in range(200)]
SLOW, HIT, *OTHERS = IDS
PLAN = {
    "faults": [
        {"fault": "latency", "delay": "10s", "match": {"token": token(SLOW)}},
        {"fault": "crash", "moment": "before", "max": 1, "match": {"token": token(HIT)}},
    ]
}
ENDED = {"Runtime.ExitError", "Client.ExecutionEnvironmentUnhealthy"}


def ended(result: Result) -> bool:
    return result.answer.get("errorType") in ENDED


def test_it_ends_all_workers_and_what_they_were_at_and_the_next_environment_works(
    run: Run,
) -> None:
    function = run(FAULTLAYER_PLAN=json.dumps(PLAN))
    for result in invoke_all(function, [OTHERS[number::10] for number in range(10)]):
        right(result)
    results = {result.request_id: result for result in invoke_all(function, [[SLOW], [HIT]])}
    assert ended(results[HIT])
    assert ended(results[SLOW])
    assert results[SLOW].ended - results[SLOW].begun < 9, "it did not wait for its delay"
    assert soon(function.ended, 15), "the emulator ends with its only environment"
    assert [line["fault"] for line in function.lines("fault_injected")].count("crash") == 1
    assert HIT not in function.ran()
    another = run(FAULTLAYER_PLAN=json.dumps(PLAN))  # as Lambda replaces an environment
    for result in invoke_all(another, [OTHERS[number::10] for number in range(10)]):
        right(result)
    assert not another.lines()
