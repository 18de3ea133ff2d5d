"""Which runtimes look for an exec wrapper, and the true reason why others do not."""

from __future__ import annotations

import pytest

from faultlayer_cli.fleet.runtimes import ignores_wrapper, refusal


@pytest.mark.parametrize(
    ("runtime", "reasons"),
    [
        *((name, ["wrap-package", "--wrapped"]) for name in ("provided", "provided.al2023")),
        ("go1.x", ["without an exec wrapper", "provided.al2023"]),
        ("python2.7", ["Amazon Linux 1", "to python3.8"]),
        ("python3.6", ["Amazon Linux 1", "to python3.8"]),
        ("python3.7", ["Amazon Linux 1", "to python3.8"]),
        ("nodejs", ["Amazon Linux 1", "to nodejs10.x"]),
        ("nodejs4.3-edge", ["Amazon Linux 1", "to nodejs10.x"]),
        ("nodejs8.10", ["Amazon Linux 1", "to nodejs10.x"]),
        ("java8", ["Amazon Linux 1", "to java8.al2"]),
        ("dotnetcore2.1", ["Amazon Linux 1", "to dotnetcore3.1"]),
        ("ruby2.5", ["Amazon Linux 1", "to ruby2.7"]),
    ],
)
def test_each_is_told_its_own_reason(runtime: str, reasons: list[str]) -> None:
    said = refusal(runtime, wrapped=False)
    assert runtime in said
    assert ignores_wrapper(runtime)
    for reason in reasons:
        assert reason in said
    os_only = runtime.startswith("provided")
    assert ("wrap-package" in said) == os_only
    # A package of a managed runtime has no bootstrap: it cannot have been wrapped.
    assert bool(refusal(runtime, wrapped=True)) != os_only


@pytest.mark.parametrize(
    "runtime",
    ["python3.8", "python3.14", "nodejs10.x", "nodejs12.x", "nodejs22.x", "java8.al2", "java21",
     "dotnetcore3.1", "dotnet8", "ruby2.7", "ruby3.4", "something-new"],
)  # fmt: skip
def test_those_that_look_for_a_wrapper_are_not_refused(runtime: str) -> None:
    assert refusal(runtime, wrapped=False) == ""
