"""What must not matter to the function: its own failures, big payloads, bad configuration."""

from __future__ import annotations

import json

from rie.support import told

ARMED = {"FAULTLAYER_LATENCY": "1ms"}


def test_a_mistake_is_one_line_and_the_other_faults_work(run):
    nonsense = "\x01\xe9%$\t" * 800
    function = run(FAULTLAYER_HEADERS='{"x-fault":"on"}', FAULTLAYER_TIMEOUT=nonsense)
    answer = json.loads(function.invoke().body)
    assert answer["statusCode"] == 200
    assert answer["headers"]["x-fault"] == "on"
    (line,) = function.lines("config_error")
    assert line["variable"] == "FAULTLAYER_TIMEOUT"
    assert "duration" in line["message"]
    assert len(line["message"]) < 500


def test_6_mb_pass_both_ways(run):
    function = run(**ARMED)
    size = 6_000_000
    seen = told(function.invoke({"filler": "y" * size}))
    assert seen["event_size"] > size
    assert json.loads(function.invoke({"size": size}).body) == "x" * size


def test_an_error_of_the_handler_is_its_own(run):
    function = run(**ARMED, FAULTLAYER_HEADERS='{"x":"y"}', FAULTLAYER_CORRUPTION="truncate")
    answer = json.loads(function.invoke({"raise": "order"}).body)
    assert answer["errorType"] == "KeyError"
    assert [line["fault"] for line in function.lines("fault_injected")] == ["latency"]


def test_a_failing_initialisation_is_reported_as_it_is(run):
    function = run(handler="broken.handler", **ARMED)
    answer = json.loads(function.invoke().body)
    assert answer["errorMessage"] == "no table name"


def test_a_runtime_that_exits_is_followed_by_a_new_one(run):
    function = run(**ARMED)
    first = told(function.invoke())
    crashed = function.invoke({"exit": 3}).body.decode()
    assert "exit" in crashed.lower()
    second = told(function.invoke())
    assert second["pid"] != first["pid"]
    assert second["runs"] == 1


def test_a_stale_address_is_not_believed(run):
    function = run()
    stale = function.emulator.tmp / ".faultlayer"
    stale.write_text("127.0.0.1:1 1 1\n")
    assert told(function.invoke())["api"] == function.lambdas_address
    assert not stale.exists()


def test_an_armed_environment_leaves_no_address_behind(run):
    function = run(**ARMED)
    function.invoke()
    published = function.emulator.tmp / ".faultlayer"
    assert published.exists()
    function.emulator.stop()
    assert not published.exists()
