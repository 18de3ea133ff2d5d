"""Downloads from PyPI on first use: the emulator and the Python runtime client.

Versions are exact, and checked against the hashes in data/.
"""

from __future__ import annotations

import platform
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from faultlayer_cli.errors import Failure
from faultlayer_cli.layers import cache
from faultlayer_cli.progress import SILENT, Progress

DATA = Path(__file__).resolve().parents[1] / "data"
EMULATOR = DATA / "emulator.txt"
RUNTIME = DATA / "runtime.txt"
_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_WHEELS = ("--require-hashes", "--no-deps", "--only-binary", ":all:")


def architecture() -> str:
    """This machine's architecture, by Lambda's name for it."""
    machine = platform.machine().lower()
    if sys.platform != "linux" or machine not in _ARCHITECTURES:
        raise Failure(f"the emulator needs Linux on x86_64 or arm64, not {sys.platform} {machine}")
    return _ARCHITECTURES[machine]


def version(requirements: Path) -> str:
    """The version that a requirements file pins first."""
    found = re.search(r"^[a-z0-9-]+==([^\s\\]+)", requirements.read_text(), re.MULTILINE)
    if found is None:
        raise Failure(f"{requirements} pins nothing")
    return found[1]


def emulator(progress: Progress = SILENT) -> Path:
    """The Runtime Interface Emulator for this machine."""
    name = f"aws-lambda-rie-{architecture()}"
    final = cache.folder() / f"emulator-{version(EMULATOR)}" / name
    if final.is_file():
        return final
    with cache.workshop() as work:
        progress.note("fetching the Runtime Interface Emulator (8 MB, once)")
        _pip(["download", *_WHEELS, "-r", str(EMULATOR), "-d", work], "the emulator")
        try:
            (wheel,) = Path(work).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                member = f"samcli/local/rapid/{name}"
                binary = Path(archive.extract(member, work))
        except (ValueError, KeyError, zipfile.BadZipFile) as error:
            raise Failure(f"the downloaded aws-sam-cli holds no {name}: {error}") from None
        binary.chmod(0o755)
        final.parent.mkdir(parents=True, exist_ok=True)
        binary.replace(final)
    return final


def runtime(progress: Progress = SILENT) -> Path:
    """A folder with the Python runtime client for our own version of Python."""
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    final = cache.folder() / f"awslambdaric-{version(RUNTIME)}-python{minor}-{architecture()}"
    if final.is_dir():
        return final
    with cache.workshop() as work:
        progress.note(f"fetching Lambda's runtime client for Python {minor} (1 MB, once)")
        target = Path(work) / "target"
        _pip(["install", *_WHEELS, "-r", str(RUNTIME), "--target", str(target)], "the client")
        return cache.settle(target, final)


def interpreter() -> Path:
    """The interpreter outside any virtual environment: functions must not see our packages."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = Path(sys.base_prefix) / "bin" / name
    # Python 3.10 calls the environment's own interpreter the base one; so the prefix is first.
    for candidate in (base, Path(getattr(sys, "_base_executable", sys.executable))):
        ours = sys.prefix != sys.base_prefix and candidate.is_relative_to(sys.prefix)
        if candidate.is_file() and not ours:
            return candidate
    raise Failure(f"no interpreter outside the virtual environment: {base} is missing")


def _pip(arguments: Sequence[str], what: str) -> None:
    """Run pip. Raises Failure with pip's own reason."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode == 0:
        return
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    reason = (errors or lines or [f"pip ended with {done.returncode}"])[0]
    raise Failure(f"could not fetch {what} with pip: {reason[:300]}")
