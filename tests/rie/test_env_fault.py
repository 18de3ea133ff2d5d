"""ENV under the real emulator: the function starts with a wrong configuration, or none."""

from __future__ import annotations

import json
import shutil

import pytest

import machine
from faultlayer_cli.running import downloads, interpreter
from faultlayer_cli.running.emulator import Emulator
from faultlayer_cli.running.local_function import LocalFunction
from rie.languages import EACH
from rie.support import Function
from runtimes import builds
from runtimes.languages import NODE

AWKWARD = 'it\'s "$(exit 3)" `exit 3` \\ \\n = ; & *\n\n  ends with a line break\n'
RIGHT = {"TABLE_NAME": "orders", "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "MODE": "fast"}
NODE_FUNCTION = """
const table = process.env.TABLE_NAME;
export async function handler(event) {
  if (event.exit) process.exit(event.exit);
  const found = Object.entries(process.env).filter(([name]) => (event.names ?? []).includes(name));
  return { statusCode: 200, body: JSON.stringify({ table, ...Object.fromEntries(found) }) };
}
"""


def seen(function, *names):
    """What the function sees of its configuration."""
    return json.loads(json.loads(function.invoke({"names": names}).body)["body"])


@pytest.fixture
def python(run):
    return lambda **variables: run(handler="configured.handler", **{**RIGHT, **variables})


@pytest.fixture
def node(tmp_path):
    try:
        built = builds.build(NODE, print)
    except builds.Unavailable as error:
        machine.lacks(error)
    (tmp_path / "node_modules").mkdir()
    shown = {"/var/task/node_modules": built / "node_modules"}
    (tmp_path / "index.mjs").write_text(NODE_FUNCTION)
    started = []

    def start(**variables):
        env = {"AWS_EXECUTION_ENV": None, **RIGHT, **variables}
        emulator = Emulator(
            LocalFunction(tmp_path, NODE.handler, env, timeout=20, memory=256),
            bootstrap=NODE.bootstrap,
            shown=shown,
        )
        started.append(emulator)
        return Function(emulator.__enter__())

    yield start
    for emulator in started:
        emulator.close()


@pytest.fixture(params=EACH)
def configured(request):
    """Starts a function in this language that is told where its table and endpoint are."""
    return request.getfixturevalue(request.param)


def test_variables_are_set_and_unset(configured):
    changes = {
        "TABLE_NAME": "no-such-table",
        "AWS_ENDPOINT_URL": None,
        "ADDED": AWKWARD,
        "MODE": "",
    }
    function = configured(FAULTLAYER_ENV=json.dumps(changes))
    names = ["AWS_ENDPOINT_URL", "ADDED", "MODE", "AWS_LAMBDA_RUNTIME_API"]
    found = seen(function, *names)
    assert found.pop("AWS_LAMBDA_RUNTIME_API") == function.lambdas_address, "no hop"
    assert found == {"table": "no-such-table", "ADDED": AWKWARD, "MODE": ""}
    (line,) = function.lines("fault_injected")
    assert (line["fault"], line["phase"]) == ("env", "init")
    assert line["set"] == ["TABLE_NAME", "ADDED", "MODE"]
    assert line["unset"] == ["AWS_ENDPOINT_URL"]
    assert "no-such-table" not in json.dumps(function.lines()), "texts are never logged"


def test_it_lasts_as_long_as_the_environment(configured):
    """Beside another fault, and again where the runtime is started anew."""
    function = configured(FAULTLAYER_ENV='{"TABLE_NAME":"wrong"}', FAULTLAYER_LATENCY="1ms")
    assert seen(function)["table"] == "wrong"
    assert seen(function)["table"] == "wrong"
    function.invoke({"exit": 1})
    assert seen(function)["table"] == "wrong"
    assert [line["fault"] for line in function.lines("fault_injected")].count("env") == 2


def test_an_expired_session_token_is_what_the_function_signs_with(configured):
    changes = {"AWS_SESSION_TOKEN": "expired", "AWS_REGION": "eu-north-1"}
    names = ["AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ACCESS_KEY_ID"]
    right = seen(configured(), *names)
    found = seen(configured(FAULTLAYER_ENV=json.dumps(changes)), *names)
    assert found == {**right, **changes}


def test_a_missing_variable_fails_the_start_as_a_wrong_deployment_does(python):
    function = python(FAULTLAYER_ENV='{"TABLE_NAME":null}', FAULTLAYER_ENV_MAX="1")
    error = json.loads(function.invoke().body)
    assert (error["errorType"], error["errorMessage"]) == ("KeyError", "'TABLE_NAME'")
    assert seen(function)["table"] == "orders", "the next start is right"


def test_an_os_only_runtime_gets_them_through_its_wrapped_package(tmp_path):
    from rie.conftest import PROBE
    from rie.test_os_only import OWN

    wrapped = downloads.DATA / "bootstrap-wrapped"
    for name, text in (("bootstrap", wrapped.read_text()), ("fl-origin", OWN)):
        path = tmp_path / name
        path.write_text(text.replace("app.handler", "configured.handler"))
        path.chmod(0o755)
    shutil.copy(PROBE / "configured.py", tmp_path)
    env = {
        **RIGHT,
        "AWS_LAMBDA_EXEC_WRAPPER": None,
        "PYTHONPATH": "/var/client",
        "TEST_PYTHON": interpreter.found().path,
        "FAULTLAYER_ENV": '{"TABLE_NAME":"wrong"}',
    }
    bootstrap = tmp_path / "bootstrap"
    shown = {"/var/client": downloads.runtime()}
    function = LocalFunction(tmp_path, "configured.handler", env)
    with Emulator(function, bootstrap=bootstrap, shown=shown) as emulator:
        assert seen(Function(emulator))["table"] == "wrong"
