"""The other faults, limits and rates, under the real emulator."""

from __future__ import annotations

import json

import pytest
from conftest import told
from faultlayer.aim import draws


def test_timeout_0_is_a_real_timeout_and_the_next_invocation_works(run):
    function = run(timeout=2, FAULTLAYER_TIMEOUT="0", FAULTLAYER_TIMEOUT_MAX="1")
    answer = function.invoke()
    assert "timed out" in answer.body.decode().lower()
    assert function.ran() == []
    # A new environment, and so a new count: let it run out of the fault another way.
    line = function.lines("fault_injected")[0]
    assert line["fault"] == "timeout"


def test_after_a_timeout_the_environment_starts_again_and_works(run):
    function = run(timeout=2, FAULTLAYER_TIMEOUT="0", FAULTLAYER_TIMEOUT_RATE="50%",
                   FAULTLAYER_SEED="2")
    outcomes = []
    for _ in range(8):
        body = function.invoke().body.decode()
        outcomes.append("timed out" in body.lower())
    assert True in outcomes
    assert False in outcomes[outcomes.index(True) :]


def test_timeout_with_a_margin_leaves_the_function_that_much_time(run):
    function = run(timeout=2, FAULTLAYER_TIMEOUT="700ms")
    answer = function.invoke()
    assert 300 < told(answer)["left_ms"] <= 700


def test_a_seeded_rate_hits_the_request_ids_it_must(run):
    function = run(FAULTLAYER_STATUS="503", FAULTLAYER_STATUS_RATE="30%", FAULTLAYER_SEED="7")
    hits = 0
    for _ in range(30):
        hits += json.loads(function.invoke().body)["statusCode"] == 503
    for request_id in function.ran():
        assert draws(b"7", "status", request_id.encode())[0] >= 0.3
    hit = [line["request_id"] for line in function.lines("fault_injected")]
    assert len(hit) == hits
    assert len(function.ran()) == 30 - hits
    for request_id in hit:
        assert draws(b"7", "status", request_id.encode())[0] < 0.3


def test_max_counts_injections(run):
    function = run(FAULTLAYER_STATUS="503", FAULTLAYER_STATUS_MAX="2")
    statuses = [json.loads(function.invoke().body)["statusCode"] for _ in range(4)]
    assert statuses == [503, 503, 200, 200]


def test_dry_run_says_and_does_nothing(run):
    function = run(
        FAULTLAYER_STATUS="503", FAULTLAYER_LATENCY="5s", FAULTLAYER_DRY_RUN="true", timeout=4
    )
    answer = function.invoke()
    assert told(answer)["runs"] == 1
    assert [line["fault"] for line in function.lines("fault_dry_run")] == ["latency", "status"]
    assert not function.lines("fault_injected")


@pytest.mark.parametrize("mode", ["truncate", "garble", "replace"])
def test_corruption_hits_the_body_alone(run, mode):
    function = run(FAULTLAYER_CORRUPTION=mode, FAULTLAYER_CORRUPTION_BODY="<html>")
    answer = json.loads(function.invoke().body)
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"] == "application/json"
    if mode == "replace":
        assert answer["body"] == "<html>"
    with pytest.raises(ValueError):
        json.loads(answer["body"])


def test_corruption_of_a_plain_payload_hits_all_of_it(run):
    function = run(FAULTLAYER_CORRUPTION="truncate")
    body = function.invoke({"plain": "abcdefgh"}).body
    assert body
    with pytest.raises(ValueError):
        json.loads(body)


def test_headers_are_removed_and_set_whatever_their_case(run):
    function = run(
        FAULTLAYER_HEADERS='{"access-control-allow-origin":null,"X-Cache":"miss"}'
    )
    headers = json.loads(function.invoke().body)["headers"]
    assert "access-control-allow-origin" not in {name.lower() for name in headers}
    assert headers["X-Cache"] == "miss"
    assert json.loads(function.invoke({"plain": 1}).body) == {"plain": 1}
    assert len(function.lines("fault_injected")) == 1


def test_faults_add_up_in_their_order(run):
    function = run(
        FAULTLAYER_LATENCY="50ms",
        FAULTLAYER_STATUS="503",
        FAULTLAYER_CORRUPTION="replace",
        FAULTLAYER_CORRUPTION_BODY="broken",
        FAULTLAYER_HEADERS='{"retry-after":"1"}',
    )
    answer = json.loads(function.invoke().body)
    assert (answer["statusCode"], answer["body"]) == (503, "broken")
    assert answer["headers"]["retry-after"] == "1"
    order = [line["fault"] for line in function.lines("fault_injected")]
    assert order == ["latency", "status", "corruption", "headers"]
