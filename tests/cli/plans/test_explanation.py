"""Which rules would hit an event, and why: data, for a program without a terminal."""

from __future__ import annotations

import time

from faultlayer.settings.variables import read_environment
from faultlayer_cli.plans.explanation import HITS, MAY_HIT, MISSES, explain, invocation_of

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders:live"


def judged(body: bytes = b'{"path":"/orders"}', **variables: str) -> dict[str, tuple[str, str]]:
    """Each fault's verdict, and the reasons."""
    given = {f"FAULTLAYER_{name}": text for name, text in variables.items()}
    now = time.time()
    invocation = invocation_of(body, "8476a536", ARN, now)
    found = explain(read_environment(given), invocation, now, known_id=True)
    return {one.fault: (one.verdict, "; ".join(one.because)) for one in found}


def test_a_rule_hits_may_hit_or_misses() -> None:
    verdicts = judged(
        LATENCY="300ms",
        STATUS="503",
        STATUS_RATE="50%",
        HEADERS='{"a":"b"}',
        HEADERS_MATCH="path=/carts",
    )
    assert {fault: verdict for fault, (verdict, _) in verdicts.items()} == {
        "latency": HITS,
        "status": MAY_HIT,
        "headers": MISSES,
    }
    assert "path" in verdicts["headers"][1]


def test_what_stops_all_rules_is_said() -> None:
    for variables in ({"DISABLED": "true"}, {"END": "2020-01-01T00:00:00Z"}):
        ((verdict, because),) = judged(LATENCY="300ms", **variables).values()
        assert verdict == MISSES
        assert because


def test_a_dry_run_is_logged_alone() -> None:
    ((verdict, because),) = judged(LATENCY="300ms", DRY_RUN="true").values()
    assert verdict == HITS
    assert "dry run" in because


def test_the_qualifier_is_that_of_the_arn() -> None:
    assert judged(LATENCY="1s", LATENCY_MATCH="qualifier=live")["latency"][0] == HITS
    assert judged(LATENCY="1s", LATENCY_MATCH="qualifier=test")["latency"][0] == MISSES
