"""Programs of the machine that are missing, told with what to install."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from faultlayer_cli.errors import Failure
from faultlayer_cli.running import tools
from faultlayer_cli.running.local_function import Runtime
from faultlayer_cli.running.tools import asked, failed, require


def test_what_is_missing_is_named_with_its_package_and_the_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: None if tool in ("mvn", "javac") else tool)
    require({"sh": "dash"}, Runtime.JAVA)
    with pytest.raises(Failure) as caught:
        require({"sh": "dash", "mvn": "maven"}, Runtime.JAVA)
    assert str(caught.value) == (
        "mvn is missing, which functions in Java need here: install it (Debian: apt-get install "
        "maven), or use a container: --image public.ecr.aws/lambda/java:21"
    )
    with pytest.raises(Failure, match="mvn and javac are missing, .* install them .*maven jdk\\)"):
        require({"mvn": "maven", "javac": "jdk"}, Runtime.JAVA)


def test_the_reason_of_a_tool_that_fails_is_one_line() -> None:
    output = "> building\n\nnpm error code E404\nnpm error 404 Not Found\n"
    failure = failed("npm", output, Runtime.NODE)
    assert str(failure) == (
        "could not fetch the client for Node.js with npm: npm error code E404; "
        "a container needs none of that: --image public.ecr.aws/lambda/nodejs:22"
    )
    assert "it said nothing" in str(failed("npm", "", Runtime.NODE))


def test_a_program_that_does_not_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(Path("/bin/sh"), ["-c", "echo a; echo b >&2; read line"]).stdout == "a\n"
    monkeypatch.setattr(tools, "_PATIENCE", 0.2)
    with pytest.raises(Failure) as caught:
        asked(Path(shutil.which("sleep") or ""), ["60"])
    assert str(caught.value).endswith(
        "sleep 60 did not end within 0.2 s: is it a script that waits?"
    )
