"""The other faults, limits and rates, under the real emulator."""

from __future__ import annotations

import json
import uuid

import pytest

from rie.support import told


def test_timeout_0_is_a_real_timeout_and_the_next_invocation_works(run):
    function = run(timeout=2, FAULTLAYER_TIMEOUT="0", FAULTLAYER_RATE="50%", FAULTLAYER_SEED="2")
    outcomes = ""
    for number in range(8):
        body = function.invoke(None, str(uuid.UUID(int=number))).body.decode()
        outcomes += "T" if "timed out after 2" in body else str(json.loads(body)["statusCode"])
    assert "T200" in outcomes
    hits = outcomes.count("T")
    assert [line["fault"] for line in function.lines("fault_injected")] == ["timeout"] * hits
    assert len(function.ran()) == 8 - hits


def test_timeout_with_a_margin_leaves_the_function_that_much_time(run):
    function = run(timeout=2, FAULTLAYER_TIMEOUT="700ms")
    answer = function.invoke()
    assert 300 < told(answer)["left_ms"] <= 700


def test_a_seeded_rate_hits_the_same_request_ids_on_every_run(run):
    ids = [str(uuid.UUID(int=number)) for number in range(40)]
    variables = {"FAULTLAYER_STATUS": "503", "FAULTLAYER_RATE": "30%", "FAULTLAYER_SEED": "7"}
    hit_by_run = []
    for order in (ids, ids[::-1]):
        function = run(**variables)
        statuses = {
            request_id: json.loads(function.invoke(None, request_id).body)["statusCode"]
            for request_id in order
        }
        hit_by_run.append({request_id for request_id in ids if statuses[request_id] == 503})
        assert set(function.ran()) == set(ids) - hit_by_run[-1]
    assert hit_by_run[0] == hit_by_run[1]
    assert 3 <= len(hit_by_run[0]) <= 24


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
    function = run(FAULTLAYER_HEADERS='{"access-control-allow-origin":null,"X-Cache":"miss"}')
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
