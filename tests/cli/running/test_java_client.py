"""Functions in Java, with AWS's own client."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cli_support import ROOT, Started

import machine
from faultlayer_cli.errors import Failure
from faultlayer_cli.progress import SILENT
from faultlayer_cli.running import java_client
from faultlayer_cli.running.java_client import JavaClient
from faultlayer_cli.running.local_function import LocalFunction, Runtime
from runtimes import builds
from runtimes.languages import JAVA


@pytest.fixture
def java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A Java 17 in a folder of its own, and nothing else."""
    program = tmp_path / "jdk" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho 'openjdk version \"17.0.15\" 2025-04-15' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(java_client.cache, "folder", lambda: tmp_path / "cache")
    return program


def function(tmp_path: Path) -> LocalFunction:
    return LocalFunction(tmp_path, "shop.Orders", memory=400, runtime=Runtime.JAVA)


def test_a_java_from_anywhere_is_shown_to_the_function(java: Path, tmp_path: Path) -> None:
    variables = JavaClient(function(tmp_path)).variables()
    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_java17"
    assert variables["_FAULTLAYER_CLIENT"].startswith("/var/lang/bin/java -XX:")
    assert " -Xmx300m -cp /var/runtime/lib/* com.amazonaws." in variables["_FAULTLAYER_CLIENT"]
    java.write_text("#!/bin/sh\necho 'java version \"1.8.0_391\"' >&2\n")
    assert JavaClient(function(tmp_path)).variables()["AWS_EXECUTION_ENV"] == "AWS_Lambda_java8"


def test_what_it_lacks_is_told(java: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = JavaClient(function(tmp_path))
    with pytest.raises(Failure, match="mvn is missing, .* maven.*--image public.ecr.aws/lambda/ja"):
        client.shown(SILENT)
    java.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(Failure, match="does not tell its version; allowed: Java 8 or later"):
        JavaClient(function(tmp_path))
    monkeypatch.delenv("JAVA_HOME")
    with pytest.raises(Failure, match="java is missing, .* default-jre-headless"):
        JavaClient(function(tmp_path))


def test_files_that_are_not_the_expected_ones_are_refused(java: Path, tmp_path: Path, monkeypatch):
    tool = tmp_path / "mvn"
    tool.write_text(
        "#!/bin/sh\nfor each; do case $each in -DoutputDirectory=*) d=${each#*=};; esac; done\n"
        'mkdir -p "$d" && echo other > "$d/aws-lambda-java-core-1.4.0.jar"\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(shutil, "which", lambda name: name)
    with pytest.raises(Failure, match="the runtime client for Java has another hash than it shoul"):
        JavaClient(function(tmp_path)).shown(SILENT)
    assert not list((tmp_path / "cache").glob("java-client*"))


def test_the_client_is_the_one_that_the_runtimes_are_tested_with() -> None:
    pom = (ROOT / "examples" / "java-probe" / "pom.xml").read_text()
    assert f"<version>{java_client._pinned()}</version>" in pom


@pytest.mark.whole
def test_a_function_for_real(started: Started, tmp_path: Path) -> None:
    try:
        built = builds.build(JAVA, print)
    except builds.Unavailable as missing:
        machine.lacks(missing)
    folder = tmp_path / "shop"
    shutil.copytree(built / "probe", folder / "probe")
    settings = ("--function-memory", 256, "--function-timeout", 20, "--latency", "50ms")
    process = started("local", folder, "--invoke", "-", *settings)
    out, err = process.communicate("{}", timeout=300)
    assert process.returncode == 0, err
    assert json.loads(json.loads(out)["body"])["runtime"] == "java"
    assert "Java, by probe/Handler.class; the handler is probe.Handler::handleRequest\n" in err
    assert '"event":"fault_injected","fault":"latency"' in err
