"""The extension itself, at work in surroundings as poor or as hostile as a function's can be."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import machine
from fakes.runtime import Runtime
from fakes.runtime_api import RuntimeApi
from layer.elf import patchelf

FAULT = {"FAULTLAYER_STATUS": "503", "FAULTLAYER_STATUS_MAX": "1"}
QEMU = "qemu-aarch64-static"
PYTHON = ("/opt/faultlayer/bin/python3", "-IS")
START = "from faultlayer.main import main; main()"
# $1: the layer, $2: the root, then the command inside of it.
IN_EMPTY_ROOT = 'mount --bind "$1" "$2/opt"; root=$2; shift 2; exec chroot "$root" "$@"'
READ_ONLY = (
    'mount --bind "$1" "$2/opt"; mount -o remount,bind,ro "$2/opt"; mount --bind "$2" "$2"; '
    'mount --bind "$1" "$2/opt"; mount --bind "$3" "$2/tmp"; mount -o remount,bind,ro "$2"; '
    'root=$2; shift 3; exec chroot "$root" "$@"'
)


def address(published: Path) -> tuple[str, int]:
    """The published address, once it is there."""
    end = time.monotonic() + 20
    while not published.exists() and time.monotonic() < end:
        time.sleep(0.01)
    host, _, port = published.read_text().split()[0].partition(":")
    return host, int(port)


@contextmanager
def extension(command: list[str], **variables: str) -> Iterator[tuple[RuntimeApi, list[str]]]:
    """The extension as started by this command, registered; what it printed, once it has left."""
    printed: list[str] = []
    with RuntimeApi() as api:
        process = subprocess.Popen(
            command,
            env={"PATH": os.environ["PATH"], "AWS_LAMBDA_RUNTIME_API": api.host, **variables},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            api.wait_polls(1, timeout=20)
            assert len(api.registrations) == 1
            yield api, printed
            api.shutdown()
            printed += process.communicate(timeout=20)[0].splitlines()
        finally:
            process.kill()
    assert process.returncode == 0


def serves(command: list[str], published: Path, **variables: str) -> None:
    """It injects one fault, passes the next invocation on, and leaves no trace."""
    with (
        extension(command, **FAULT, **variables) as (api, printed),
        Runtime(address(published)) as runtime,
    ):
        hit, spared = api.invoke(), api.invoke(b'{"order":1}')
        event = runtime.next()
        assert event.content == b'{"order":1}'
        assert hit.result().json["statusCode"] == 503
        runtime.respond(event, b'"done"')
        assert spared.result().content == b'"done"'
    assert [line for line in printed if '"event":"fault_injected"' in line]
    assert not published.exists()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root file system that holds an empty /opt and an empty /tmp, nothing else."""
    root = tmp_path / "root"
    for folder in ("opt", "tmp"):
        (root / folder).mkdir(parents=True)
    return root


def inside(script: str, *arguments: str | Path) -> list[str]:
    return ["unshare", "-rm", "sh", "-euc", script, "sh", *map(str, arguments)]


def test_it_serves_in_an_otherwise_empty_root(opt: Path, namespaces: None, root: Path) -> None:
    command = inside(IN_EMPTY_ROOT, opt, root, "/opt/extensions/faultlayer")
    serves(command, root / "tmp" / ".faultlayer")


def test_it_serves_on_a_read_only_file_system(
    opt: Path, namespaces: None, root: Path, tmp_path: Path
) -> None:
    writable = tmp_path / "writable"
    writable.mkdir()
    command = inside(READ_ONLY, opt, root, writable, "/opt/extensions/faultlayer")
    serves(command, writable / ".faultlayer")


def test_it_serves_as_an_unprivileged_user(opt: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user; who is not root is unprivileged already")
    published = Path("/tmp") / f".faultlayer-{os.getpid()}"
    script = (
        'mount --bind "$1" /opt; shift; exec setpriv --reuid 993 --regid 990 --clear-groups "$@"'
    )
    command = ["unshare", "-m", "sh", "-euc", script, "sh", str(opt), "/opt/extensions/faultlayer"]
    serves(command, published, _FAULTLAYER_ADDRESS=str(published))


def test_it_serves_whatever_the_functions_variables_say(
    opt: Path, namespaces: None, root: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    for name in ("libc.so.6", "libz.so.1", "libexpat.so.1", "libm.so.6", "sitecustomize.py"):
        (wrong / name).write_bytes(b"raise SystemExit('this is the function\\'s')")
    poison = {
        "LD_LIBRARY_PATH": f"{wrong}:/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/opt/lib",
        "PYTHONHOME": str(wrong),
        "PYTHONPATH": str(wrong),
        "PYTHONSTARTUP": str(wrong / "sitecustomize.py"),
        "PYTHONMALLOC": "debug",
    }
    settings = [f"{name}={value}" for name, value in poison.items()]
    script = 'mount --bind "$1" /opt; shift; exec env "$@"'
    published = tmp_path / "address"
    command = inside(script, opt, *settings, "/opt/extensions/faultlayer")
    serves(command, published, _FAULTLAYER_ADDRESS=str(published))


def test_the_functions_preloaded_libraries_stay_out(
    opt: Path, namespaces: None, tmp_path: Path, repository: Path
) -> None:
    library = tmp_path / "preloaded.so"
    shutil.copy(next((opt / "faultlayer/lib").glob("libz.so.*")), library)
    subprocess.run(
        [patchelf(repository), "--add-needed", "libof-the-function.so.1", library], check=True
    )
    with pytest.raises(subprocess.CalledProcessError):  # what our interpreter alone would do
        script = 'mount --bind "$1" /opt; LD_PRELOAD=$2 exec /opt/faultlayer/bin/python3 -ISc ""'
        subprocess.run(inside(script, opt, library), check=True, stderr=subprocess.DEVNULL)
    script = 'mount --bind "$1" /opt; shift; exec env "$@"'
    preload = [f"LD_PRELOAD={library}", "LD_DEBUG=libs", "LD_SHOW_AUXV=1", "LD_BIND_NOW=1"]
    published = tmp_path / "address"
    command = inside(script, opt, *preload, "/opt/extensions/faultlayer")
    serves(command, published, _FAULTLAYER_ADDRESS=str(published))


def test_the_arm64_launcher_starts_the_interpreter_without_ld_variables(
    arm64: Path, root: Path
) -> None:
    (root / "qemu").write_bytes(Path(shutil.which(QEMU) or QEMU).read_bytes())
    (root / "qemu").chmod(0o755)
    command = inside(IN_EMPTY_ROOT, arm64, root, "/qemu", "-strace", "/opt/extensions/faultlayer")
    env = {"PATH": os.environ["PATH"], "LD_AUDIT": "/none.so", "KEPT": "yes"}
    done = subprocess.run(command, check=False, env=env, capture_output=True, text=True, timeout=60)
    [call] = [line for line in done.stderr.splitlines() if "execve(" in line]
    assert '"/opt/faultlayer/bin/python3"' in call
    assert '"-ISc"' in call
    assert START in call


@pytest.fixture(scope="session")
def arm64(repository: Path, namespaces: None) -> Path:
    """dist/arm64, where this machine can run it."""
    machine.program(QEMU)
    done = subprocess.run(
        [repository / "build.sh", "arm64"], check=False, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return repository / "dist" / "arm64"


@pytest.fixture
def emulated(arm64: Path, root: Path) -> Callable[..., list[str]]:
    """The command that runs an arm64 program in the empty root."""
    shutil.copy(shutil.which(QEMU) or QEMU, root / "qemu")

    def command(*program: str) -> list[str]:
        return inside(IN_EMPTY_ROOT, arm64, root, "/qemu", *program)

    return command


def test_the_arm64_layer_is_for_arm64(emulated: Callable[..., list[str]]) -> None:
    code = "import posix, _socket, select, zlib; print(posix.uname().machine)"
    done = subprocess.run(
        emulated(*PYTHON, "-c", code), check=False, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "aarch64", done.stderr


def test_the_arm64_layer_serves(emulated: Callable[..., list[str]], root: Path) -> None:
    serves(emulated(*PYTHON, "-c", START), root / "tmp" / ".faultlayer")


def test_the_arm64_layer_passes_6_mb_both_ways(
    emulated: Callable[..., list[str]], root: Path
) -> None:
    rare = {"FAULTLAYER_LATENCY": "1ms", "FAULTLAYER_RATE": "0.000001"}
    with (
        extension(emulated(*PYTHON, "-c", START), **rare) as (api, _),
        Runtime(address(root / "tmp" / ".faultlayer")) as runtime,
    ):
        payload = b'"' + b"x" * (6 << 20) + b'"'
        invocation = api.invoke(payload)
        event = runtime.next()
        assert event.content == payload
        runtime.respond(event, payload)
        assert invocation.result().content == payload
