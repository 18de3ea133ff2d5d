"""The runtime client of Java functions: AWS's own, from Maven, on the machine's Java.

Versions are exact, and each file is checked against its hash.
https://github.com/aws/aws-lambda-java-libs/tree/main/aws-lambda-java-runtime-interface-client
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path

from faultlayer_cli.errors import Failure
from faultlayer_cli.layers import cache
from faultlayer_cli.progress import Progress
from faultlayer_cli.running import downloads, interpreter
from faultlayer_cli.running.local_function import LocalFunction, Runtime
from faultlayer_cli.running.tools import asked, fetch, require

PROJECT = downloads.DATA / "java"  # pom.xml, and the hash of each file that it leads to
_HOME = "/var/runtime/lib"
_CLASS = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"
_FLAGS = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto"  # as in Lambda
_OLDEST = 8


class JavaClient:
    """The client for one function."""

    def __init__(self, function: LocalFunction) -> None:
        self._function = function
        home = os.environ.get("JAVA_HOME", "")
        own = Path(home, "bin", "java")
        if not (home and own.is_file()):
            require({"java": "default-jre-headless"}, Runtime.JAVA)
            own = Path(shutil.which("java") or "java")
        real = own.resolve()
        self._java, self._shown = interpreter.seen(real, real.parents[1])
        self._version = _version(real)

    def variables(self) -> dict[str, str]:
        heap = self._function.memory * 3 // 4
        return {
            "AWS_EXECUTION_ENV": f"AWS_Lambda_java{self._version}",
            "_FAULTLAYER_CLIENT": f"{self._java} {_FLAGS} -Xmx{heap}m -cp {_HOME}/* {_CLASS}",
        }

    def shown(self, progress: Progress) -> dict[str, Path]:
        return {**self._shown, _HOME: _fetched(progress)}


def _fetched(progress: Progress) -> Path:
    hashes = dict(line.split()[::-1] for line in (PROJECT / "SHA256SUMS").read_text().splitlines())
    final = cache.folder() / f"java-client-{_pinned()}"
    if final.is_dir():
        return final
    require({"mvn": "maven"}, Runtime.JAVA)
    with cache.workshop() as work:
        progress.note("fetching Lambda's runtime client for Java (5 MB, once)")
        shutil.copyfile(PROJECT / "pom.xml", Path(work, "pom.xml"))
        target = Path(work, "target")
        command = ["mvn", "--batch-mode", "--quiet", "dependency:copy-dependencies"]
        fetch([*command, f"-DoutputDirectory={target}"], Path(work), Runtime.JAVA)
        _check(target, hashes)
        return cache.settle(target, final)


def _pinned() -> str:
    found = re.search(r"interface-client</artifactId>\s*<version>([^<]+)", _pom())
    if found is None:
        raise Failure(f"{PROJECT / 'pom.xml'} pins nothing")
    return found[1]


def _pom() -> str:
    return (PROJECT / "pom.xml").read_text()


def _check(folder: Path, hashes: dict[str, str]) -> None:
    """Refuse files that are not exactly the expected ones."""
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    wrong = sorted(name for name, _ in found.items() ^ hashes.items())
    if wrong:
        raise Failure(f"the runtime client for Java has another hash than it should: {wrong[0]}")


def _version(java: Path) -> str:
    """The version as Lambda counts: 8, 11, 17, 21."""
    done = asked(java, ["-version"])
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    if found is None or int(found[1]) < _OLDEST:
        raise Failure(
            f"{java} does not tell its version; allowed: Java {_OLDEST} or later, or a container: "
            f"--image {Runtime.JAVA.image}"
        )
    return found[1]
