"""What must not matter to the function: its own failures, big payloads, bad configuration."""

from __future__ import annotations

import json

import pytest

from rie.support import told

ARMED = {"FAULTLAYER_LATENCY": "1ms"}

BAD = {
    "FAULTLAYER_LATENCY": ("soon", "duration"),
    "FAULTLAYER_STATUS": ("999", "100 to 599"),
    "FAULTLAYER_STATUS_WHEN": ("later", "before, after"),
    "FAULTLAYER_LATENCY_RATE": ("120%", "0% to 100%"),
    "FAULTLAYER_LATENCYY": ("1", "FAULTLAYER_LATENCY"),
    "FAULTLAYER_CORRUPTION": (" ", "truncate, garble, replace"),
    "FAULTLAYER_TIMEOUT": ("\x01\xe9%$\t" * 800, "duration"),
}


@pytest.mark.parametrize("variable", BAD)
def test_a_mistake_is_one_line_and_the_other_faults_work(run, variable):
    value, allowed = BAD[variable]
    others = {"FAULTLAYER_HEADERS": '{"x-fault":"on"}', variable: value}
    if variable == "FAULTLAYER_STATUS_WHEN":
        others["FAULTLAYER_STATUS"] = "503"
    if variable == "FAULTLAYER_LATENCY_RATE":
        others["FAULTLAYER_LATENCY"] = "2s"
    function = run(**others)
    answer = json.loads(function.invoke().body)
    assert answer["statusCode"] == 200
    assert answer["headers"]["x-fault"] == "on"
    lines = function.lines("config_error")
    assert [line["variable"] for line in lines] == [variable]
    assert allowed in lines[0]["message"]
    assert len(lines[0]["message"]) < 500


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


def test_a_taken_port_is_no_obstacle(run):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        function = run(**ARMED, FAULTLAYER_PORT=str(port))
        seen = told(function.invoke())
    assert seen["api"] not in (function.lambdas_address, f"127.0.0.1:{port}")
    assert function.lines("fault_injected")
