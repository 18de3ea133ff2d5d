"""Three lines in a Dockerfile on AWS's base image, on a real Docker engine."""

from __future__ import annotations

import json
import time

import pytest
from docker.errors import NotFound

from images.engine import running

ORDER = {"order": "A-1"}
ANSWER = {"shipped": "A-1"}


def body(answer):
    return json.loads(json.loads(answer.body)["body"])


@pytest.fixture(scope="module")
def lambdas_address(client, image):
    """AWS_LAMBDA_RUNTIME_API as the entrypoint sets it: the same image, without our wrapper."""
    with running(client, image, {"AWS_LAMBDA_EXEC_WRAPPER": ""}) as function:
        function.invoke(ORDER)
        return function.runtime_api()


@pytest.mark.parametrize(
    "variables",
    [{}, {"FAULTLAYER_STATUS": "503", "FAULTLAYER_DISABLED": "true"}],
    ids=["unset", "disabled"],
)
def test_with_nothing_to_inject_the_function_runs_as_the_entrypoint_starts_it(
    run, lambdas_address, variables
):
    function = run(**variables)
    assert body(function.invoke(ORDER)) == ANSWER
    assert function.runtime_api() == lambdas_address
    assert function.lines("fault_injected") == []


def test_a_mistake_is_named_in_the_containers_log_and_the_function_runs_untouched(
    run, lambdas_address
):
    function = run(FAULTLAYER_STATUS="999")
    assert body(function.invoke(ORDER)) == ANSWER
    assert function.runtime_api() == lambdas_address
    (line,) = function.lines("config_error")
    assert line["variable"] == "FAULTLAYER_STATUS"


def test_latency_makes_the_answer_late_and_leaves_it_as_it_is(run, lambdas_address):
    function = run(FAULTLAYER_LATENCY="300ms")
    function.invoke(ORDER)  # the cold start
    answer = function.invoke(ORDER)
    assert body(answer) == ANSWER
    assert 0.3 <= answer.seconds < 3
    assert function.runtime_api() != lambdas_address
    assert [line["delay_ms"] for line in function.lines("fault_injected")] == [300, 300]
    assert ran(function) == 2


def test_a_status_answers_in_the_functions_place(run):
    function = run(FAULTLAYER_STATUS="503", FAULTLAYER_STATUS_MAX="1")
    assert json.loads(function.invoke(ORDER).body)["statusCode"] == 503
    assert ran(function) == 0
    (line,) = function.lines("fault_injected")
    assert line["fault"] == "status"
    assert body(function.invoke(ORDER)) == ANSWER
    assert ran(function) == 1


def test_a_status_after_takes_the_answers_place(run):
    function = run(FAULTLAYER_STATUS="429", FAULTLAYER_STATUS_WHEN="after")
    assert json.loads(function.invoke(ORDER).body)["statusCode"] == 429
    assert ran(function) == 1


def test_an_exception_is_a_function_error(run):
    function = run(FAULTLAYER_EXCEPTION="ValueError: no such order")
    error = json.loads(function.invoke(ORDER).body)
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no such order")
    assert ran(function) == 0
    (line,) = function.lines("fault_injected")
    assert line["fault"] == "exception"


# As Lambda runs images: nothing but /tmp can be written, and the user is nobody in particular.
LAMBDAS = {"read_only": True, "tmpfs": {"/tmp": ""}, "user": "993:990"}


@pytest.mark.parametrize("variables", [{}, {"FAULTLAYER_LATENCY": "1ms"}], ids=["unset", "armed"])
def test_on_a_read_only_file_system_as_an_unprivileged_user(run, variables):
    function = run(options=LAMBDAS, **variables)
    assert body(function.invoke(ORDER)) == ANSWER
    assert len(function.lines("fault_injected")) == len(variables)
    assert function.container.exec_run(["touch", "/opt/x"]).exit_code != 0
    assert function.container.exec_run(["id", "-u"]).output.strip() == b"993"


def test_variables_of_the_image_hold_until_the_functions_own_replace_them(run, build, recipe):
    armed = build("example-armed", f"{recipe}ENV FAULTLAYER_STATUS=503\n")
    assert json.loads(run(armed).invoke(ORDER).body)["statusCode"] == 503
    assert json.loads(run(armed, FAULTLAYER_STATUS="429").invoke(ORDER).body)["statusCode"] == 429
    assert body(run(armed, FAULTLAYER_DISABLED="true").invoke(ORDER)) == ANSWER


def test_nothing_is_left_of_a_container(client, image):
    with running(client, image, {}) as function:
        identity = function.container.id
    with pytest.raises(NotFound):
        client.containers.get(identity)


def ran(function):
    """How often the handler ran."""
    time.sleep(0.05)
    return function.log.count("shipping for request ")
