"""Verdicts: what is foretold is what the chooser does, and foretelling claims nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.settings.variables import read_environment
from faultlayer.targeting.verdicts import verdicts
from faultlayer.vocabulary.invocation import Invocation

BODY = b'{"path": "/orders"}'


def head(request_id: str) -> bytes:
    return (
        f"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {request_id}\r\n"
        f"Lambda-Runtime-Deadline-Ms: 99999999999999\r\nContent-Length: {len(BODY)}\r\n\r\n"
    ).encode()


def invocation(request_id: str = "r") -> Invocation:
    found = head(request_id)
    return Invocation(found, found.lower(), lambda: BODY)


def chooser(**variables: str):
    found = read_environment({f"FAULTLAYER_{name}": text for name, text in variables.items()})
    assert not found.problems
    assert found.chooser is not None
    return found.chooser


def names(found) -> dict[str, tuple[bool, bool | None, bool]]:
    return {one.rule.fault.name: (one.applies, one.drawn, bool(one.barred_by)) for one in found}


def test_a_rule_without_chance_hits_or_does_not_match():
    rules = chooser(LATENCY="1s", STATUS="503", STATUS_MATCH="path=/users")
    assert names(verdicts(rules, invocation())) == {
        "latency": (True, True, False),
        "status": (False, True, False),
    }


def test_chance_is_not_known():
    assert names(verdicts(chooser(STATUS="503", RATE="20%"), invocation()))["status"][1] is None
    rules = chooser(STATUS="503", RATE="20%", SEED="7")
    assert names(verdicts(rules, invocation(), seeded=False))["status"][1] is None
    assert names(verdicts(rules, invocation()))["status"][1] is not None


@pytest.mark.parametrize(
    ("when", "winner", "loser"),
    [("before", "exception", "status"), ("after", "status", "exception")],
)
def test_one_outcome_bars_the_other(when: str, winner: str, loser: str):
    rules = chooser(STATUS="503", EXCEPTION="x", EXCEPTION_WHEN=when)
    found = {one.rule.fault.name: one for one in verdicts(rules, invocation())}
    assert found[winner].barred_by is None
    assert found[loser].barred_by is found[winner].rule


def test_foretelling_leaves_a_limit_as_it_is():
    rules = chooser(STATUS="503", STATUS_MAX="1")
    for _ in range(3):
        verdicts(rules, invocation())
    assert rules.rules[0].limit.remaining == 1


@given(st.uuids(), st.sampled_from(["0.1", "0.5", "0.9"]))
def test_what_is_foretold_by_a_seed_is_what_hits(request_id, rate: str):
    rules = chooser(
        LATENCY="1s", STATUS="503", EXCEPTION="x", HEADERS='{"a":"b"}', RATE=rate, SEED="7"
    )
    found = verdicts(rules, invocation(str(request_id)))
    foretold = [
        one.rule.fault.name for one in found if one.applies and one.drawn and not one.barred_by
    ]
    taken = head(str(request_id))
    hits = rules.decide(taken + BODY, taken.lower())
    assert [hit.rule.fault.name for hit in hits.injections] == foretold if hits else not foretold


RECORD = b'{"Records":[{"eventSource":"aws:sqs","messageId":"m"}]}'


@pytest.mark.parametrize(("share", "hits"), [("10%", None), ("50%", None), ("1", True)])
def test_if_the_fault_itself_leaves_it_to_chance_that_is_not_a_miss(share: str, hits: bool | None):
    event = Invocation(head("r"), head("r").lower(), lambda: RECORD)
    (one,) = verdicts(chooser(BATCH=share), event)
    assert one.applies
    assert (one.by_chance, one.drawn, one.hits) == (hits is None, hits, hits)


def test_every_reason_is_told():
    rules = chooser(LATENCY="1s", LATENCY_MATCH="path=/users,no.such", LATENCY_MAX="1", BATCH="1")
    latency, batch = verdicts(rules, invocation())
    assert [condition.written for condition in latency.unmet] == ["path", "no.such"]
    assert "no batch" in batch.why_not
    assert (latency.hits, batch.hits) == (False, False)
    (limited,) = verdicts(chooser(LATENCY="1s", LATENCY_MAX="1"), invocation())
    assert limited.hits


def test_a_window_that_is_shut_and_a_limit_that_is_reached():
    (late,) = verdicts(chooser(LATENCY="1s", START="2999-01-01T00:00:00Z"), invocation())
    assert (late.in_window, late.hits) == (False, False)
    rules = chooser(LATENCY="1s", LATENCY_MAX="1")
    assert rules.rules[0].claim()
    (done,) = verdicts(rules, invocation())
    assert (done.used_up, done.hits) == (True, False)
