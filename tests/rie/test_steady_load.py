"""Aim and live plans under a steady load of real invocations: nothing lost, nothing slowed."""

from __future__ import annotations

import json
import tempfile
import threading
import time
import uuid
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest

from faultlayer.targeting.choose import draws

POLL = 1.0
THOUSANDS = 10_000
SEED = "7"


class Seen(NamedTuple):
    """One invocation: when it was sent and answered (monotonic seconds), and its status."""

    sent: float
    answered: float
    status: int


class Load:
    """Invokes one after the other until it is stopped; `begun` counts what must be answered."""

    def __init__(self, function) -> None:
        self._function = function
        self._stop = threading.Event()
        self.begun = 0
        self.seen: list[Seen] = []
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.begun += 1
            sent = time.monotonic()
            answer = json.loads(self._function.emulator.invoke(b"{}").body)
            self.seen.append(Seen(sent, time.monotonic(), answer["statusCode"]))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def path():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name) / "plan.json"


def plan(code: int, **more) -> str:
    return json.dumps({"faults": [{"fault": "status", "code": code}], **more})


def test_a_live_plan_changed_disabled_broken_and_repaired(run, path):
    path.write_text(plan(503))
    function = run(
        shown={"/var/plans": path.parent},
        FAULTLAYER_PLAN=f"file:/var/plans/{path.name}",
        FAULTLAYER_POLL="1s",
    )
    function.invoke()
    steps = [  # what the plan becomes, and the only status there is then
        (plan(429), 429),
        (plan(429, disabled=True), 200),
        (plan(500), 500),
        ('{"faults": [{"fault', 500),
        (plan(404), 404),
        ("{}", 200),
    ]
    changing, changed = [], []  # just before a change of the file, and just after it
    with Load(function) as load:
        for text, _ in steps:
            time.sleep(2 * POLL)
            fresh = path.with_suffix(".new")
            fresh.write_text(text)
            changing.append(time.monotonic())
            fresh.replace(path)
            changed.append(time.monotonic())
        time.sleep(2 * POLL)
    assert len(load.seen) == load.begun
    codes = [503] + [code for _, code in steps]
    ends = [*changed, time.monotonic()]
    for seen in load.seen:
        # How many changes were there when it was sent, and how many one poll before that.
        latest = sum(at < seen.answered for at in changing)
        surest = sum(at + POLL + 1.0 < seen.sent for at in changed)
        assert seen.status in codes[surest : latest + 1], (seen, ends)
    assert {seen.status for seen in load.seen} == set(codes)
    lines = [line["event"] for line in function.lines() if line["event"].startswith("plan_")]
    assert lines.count("plan_failed") == 1
    # What a refresh costs would show in the few invocations beside one.
    assert max(seen.answered - seen.sent for seen in load.seen) < 1.0


RULES = {
    "seed": SEED,
    "faults": [
        {"fault": "status", "code": 503, "rate": 0.2, "match": {"path": "/orders"}},
        {"fault": "status", "code": 429, "rate": 0.05, "match": {"path": {"prefix": "/users"}}},
    ],
}


def foretold(number: int) -> int:
    """The status that the seed gives the request of this number, whose path is every third's."""
    request_id = str(uuid.UUID(int=number)).encode()
    lot, rate, code = (("status", 0.2, 503), ("status#2", 0.05, 429), ("", 0, 0))[number % 3]
    hit = lot and draws(sha256, SEED.encode(), lot, request_id)[0] < rate
    return code if hit else 200


@pytest.mark.nightly
def test_two_rules_hit_their_own_events_alone_over_ten_thousand_invocations(run):
    function = run(FAULTLAYER_PLAN=json.dumps(RULES), AWS_LAMBDA_LOG_LEVEL="FATAL")
    events = [b'{"path":"/orders"}', b'{"path":"/users/7"}', b'{"path":"/carts"}']

    def answered(numbers: range) -> list[int]:
        return [
            json.loads(
                function.emulator.invoke(
                    events[number % 3], {"X-Amzn-RequestId": str(uuid.UUID(int=number))}
                ).body
            )["statusCode"]
            for number in numbers
        ]

    found = answered(range(THOUSANDS))
    assert found == [foretold(number) for number in range(THOUSANDS)]
    # The bounds are five standard deviations of the binomial distribution.
    for place, (rate, code) in enumerate(((0.2, 503), (0.05, 429), (0.0, 200))):
        own = Counter(found[place::3])
        total = own.total()
        spread = 5 * (total * rate * (1 - rate)) ** 0.5
        assert abs(own[code] - (total * rate if rate else total)) <= spread
        assert set(own) <= {code, 200}
    assert answered(range(1000)) == found[:1000], "a second run with the same ids meets the same"
