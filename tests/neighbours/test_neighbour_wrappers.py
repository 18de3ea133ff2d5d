"""Other products' exec wrappers: after ours, before it, or not to be found."""

from __future__ import annotations

import pytest

from faultlayer_cli.running.emulator import RUNTIME, TASK
from neighbours import ADDED, ARGUMENTS, WRAPPER, Compose, Run
from rie.support import Function, told

ARMED = {"FAULTLAYER_LATENCY": "1ms"}
NEXT = {"FAULTLAYER_NEXT_WRAPPER": WRAPPER}
FIRST = {"AWS_LAMBDA_EXEC_WRAPPER": f"{RUNTIME}/first-wrapper"}
CHAINS = {"ours, then another": NEXT, "another, then ours": FIRST, "both": {**FIRST, **NEXT}}
SAYS = {"ours, then another": ADDED, "another, then ours": "the first", "both": ADDED}


def redirected(function: Function, seen: dict[str, object]) -> bool:
    """Whether the runtime talks to the proxy; False where it talks to Lambda."""
    if seen["api"] == function.lambdas_address:
        return False
    published = (function.emulator.tmp / ".faultlayer").read_text().split()[0]
    assert seen["api"] == published
    return True


@pytest.mark.parametrize("armed", [True, False], ids=["armed", "idle"])
@pytest.mark.parametrize("order", CHAINS)
def test_a_chain_keeps_arguments_environment_and_exit_code(
    run: Run, compose: Compose, order: str, armed: bool
) -> None:
    function = run(layer=compose(), **CHAINS[order], **(ARMED if armed else {}))
    seen = told(function.invoke())
    assert seen["arguments"] == ["-m", "awslambdaric", "app.handler", *ARGUMENTS]
    assert seen["other"] == SAYS[order]
    assert redirected(function, seen) == armed
    assert b"exit status 7" in function.invoke({"exit": 7}).body
    again = told(function.invoke())
    assert again["other"] == SAYS[order]
    assert len(function.lines("fault_injected")) == 3 * armed
    assert not function.lines("config_error")


@pytest.mark.parametrize(
    ("path", "armed"),
    [
        ("/opt/not-there", True),
        ("/opt/not-there", False),
        (f"{TASK}/app.py", True),
        (RUNTIME, True),
    ],
    ids=["missing", "missing, idle", "not executable", "a folder"],
)
def test_another_wrapper_that_cannot_run_is_left_out(run: Run, path: str, armed: bool) -> None:
    function = run(FAULTLAYER_NEXT_WRAPPER=path, **(ARMED if armed else {}))
    seen = told(function.invoke())
    assert seen["arguments"][-len(ARGUMENTS) :] == list(ARGUMENTS)
    assert redirected(function, seen) == armed
    (line,) = function.lines("config_error")
    assert line["variable"] == "FAULTLAYER_NEXT_WRAPPER"
