"""C programs of glibc and musl behave alike with the shim: `trials.c`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from compiled import HERE, build
from shimmed import LIBRARY, ROOT, environment, needs_shim

import machine
from faultlayer.dependencies import dead_ports
from faultlayer.vocabulary.disturbances import Unreachable, Unresolved
from proxy.dependencies.redirected import LOCAL, Redirected, host

pytestmark = [needs_shim, pytest.mark.usefixtures("localhost")]
OTHER = HERE / "other.c"
NOBODY = 65534


@pytest.fixture(scope="module")
def redirected() -> Redirected:
    return Redirected()


@pytest.fixture(scope="module", params=["glibc", "musl"])
def c_library(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def trials(c_library: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(c_library, tmp_path_factory.mktemp(c_library) / "trials", HERE / "trials.c")


def told(trials: Path, name: str, port: int, environ: dict[str, str] | None = None) -> str:
    """The output of a trial.

    Without `environment`, it runs in this process's environment, without the shim.
    """
    done = subprocess.run(
        [trials, name, str(port)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, (name, done.returncode, done.stdout, done.stderr)
    return done.stdout


def same(redirected: Redirected, trials: Path, *names: str) -> None:
    """Each trial finds the same with the shim, which has been asked."""
    with host() as port:
        for name in names:
            before = redirected.control.heard
            shimmed = told(trials, name, port, environment(redirected.name))
            assert redirected.control.heard > before, "the shim is loaded"
            assert shimmed.splitlines() == told(trials, name, port).splitlines(), name


def test_arguments_sockets_and_descriptors(redirected: Redirected, trials: Path) -> None:
    """Bad pointers and sizes, all families, closed and exhausted descriptors, errno, peers."""
    same(redirected, trials, "bad", "kinds", "nonblocking", "kept", "descriptors", "lookup")


def test_threads_forks_and_programs_that_they_start(redirected: Redirected, trials: Path) -> None:
    """100 threads at once, 20 with small stacks; fork, vfork, posix_spawn."""
    same(redirected, trials, "threads", "forks")


def test_signals_and_cancelled_threads(redirected: Redirected, trials: Path) -> None:
    """A signal each ms; handlers that connect, or leave by a jump."""
    same(redirected, trials, "signals", "handlers", "torn")


def test_a_connection_that_nobody_answers_is_interrupted_and_cancelled(
    redirected: Redirected, trials: Path
) -> None:
    held, silent = dead_ports.silent(2)
    with host() as port, redirected.disturbed(Unreachable(silent=True)):
        for name, found in (("interrupted", "interrupted 4\n"), ("cancelled", "cancelled 1\n" * 2)):
            assert told(trials, name, silent) == found
            assert told(trials, name, port, environment(redirected.name)) == found
    for each in held:
        each.close()


def test_it_hooks_lookups_and_connections(redirected: Redirected, trials: Path) -> None:
    with host() as port:
        shimmed = environment(redirected.name)
        assert told(trials, "lookup", port, shimmed) == "lookup 0 host 0 1 0 1 0 connect 0\n"
        with redirected.disturbed(Unreachable(silent=False)):
            assert "connect 111" in told(trials, "lookup", port, shimmed)
        # h_errno is HOST_NOT_FOUND or TRY_AGAIN, and gethostbyname_r returns EAGAIN for that.
        for error, found in (
            ("nxdomain", "lookup -2 host 0 0 1 0 1"),
            ("servfail", "lookup -3 host 11 0 2 0 2"),
        ):
            with redirected.disturbed(Unresolved(error), hosts=LOCAL):
                assert told(trials, "lookup", port, shimmed) == f"{found} connect 0\n"


def test_another_preloaded_library_hooks_the_same_functions(
    redirected: Redirected, trials: Path, c_library: str, tmp_path: Path
) -> None:
    """Before or after the shim, either separator; or a program's own hooks."""
    other = build(c_library, tmp_path / "other.so", OTHER, options=("-shared", "-fPIC"))
    hooked = build(c_library, tmp_path / "hooked", HERE / "trials.c", OTHER, options=("-rdynamic",))
    with host() as port, redirected.disturbed(Unreachable(silent=False)):
        for program, preload in (
            (trials, f"{LIBRARY}:{other}"),
            (trials, f"{other}:{LIBRARY}"),
            (trials, f" {other} {LIBRARY}:"),
            (hooked, str(LIBRARY)),
        ):
            environ = environment(redirected.name, LD_PRELOAD=preload)
            output = told(program, "lookup", port, environ)
            assert output.count("other lookup\n") == 1, preload
            assert output.count("other connect\n") == 1, preload
            assert "connect 111" in output, preload


SERVICE = """
import sys, time
sys.path[:0] = sys.argv[1:3]
from faultlayer.values.hosts import HostList
from proxy.dependencies.redirected import Redirected
print(Redirected(HostList().parse("192.0.2.1")).name, flush=True)
time.sleep(600)
"""


@pytest.mark.nightly
def test_while_the_extension_stops_goes_on_and_dies(trials: Path) -> None:
    """For 30 s every trial finds the same, and none hangs.

    No connection is relayed: it would end with the extension.
    """
    names = ("bad", "kinds", "nonblocking", "kept", "descriptors", "threads", "forks", "handlers")
    command = [sys.executable, "-c", SERVICE, str(HERE.parent), str(ROOT / "extension")]
    until, random = time.monotonic() + 30, Random(1)
    with host() as port:
        wanted = {name: told(trials, name, port).splitlines() for name in names}
        while time.monotonic() < until:
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
                assert service.stdout is not None
                shimmed = environment(service.stdout.readline().strip())
                done = threading.Event()

                def disturb(service: Any = service, done: threading.Event = done) -> None:
                    while not done.wait(random.uniform(0, 0.2)):
                        service.send_signal(signal.SIGSTOP)
                        done.wait(random.uniform(0, 0.1))
                        service.send_signal(signal.SIGCONT)
                        if random.random() < 0.1:
                            service.kill()

                thread = threading.Thread(target=disturb)
                thread.start()
                try:
                    for name in random.sample(names, len(names)):
                        assert told(trials, name, port, shimmed).splitlines() == wanted[name], name
                finally:
                    done.set()
                    thread.join(10)
                    service.kill()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can read."""
    with tempfile.TemporaryDirectory(prefix="faultlayer-shim-") as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@needs_root
def test_a_program_that_is_set_user_id_does_not_load_it(
    redirected: Redirected, trials: Path, open_folder: Path
) -> None:
    program, library = open_folder / "trials", open_folder / "shim.so"
    shutil.copy(trials, program)
    shutil.copy(LIBRARY, library)
    library.chmod(0o755)
    environ = {"LD_PRELOAD": str(library), "_FAULTLAYER_SHIM": redirected.name}
    with host() as port, redirected.disturbed(Unreachable(silent=False)):
        for mode, found in ((0o755, "connect 111"), (0o4755, "connect 0")):
            program.chmod(mode)
            done = subprocess.run(
                [program, "lookup", str(port)],
                env=environ,
                user=NOBODY,
                capture_output=True,
                text=True,
                timeout=20,
                check=True,
            )
            assert found in done.stdout


@needs_root
def test_in_a_root_of_its_own(redirected: Redirected, tmp_path: Path) -> None:
    """With a program, musl and the shim, and no other variable."""
    trials = build("musl", tmp_path / "trials", HERE / "trials.c")
    with tempfile.TemporaryDirectory() as folder, host() as port:
        root = Path(folder)
        (root / "lib").mkdir()
        loader = next(Path("/lib").glob("ld-musl-*.so.1"))
        shutil.copy(loader, root / "lib")
        shutil.copy(trials, root / "trials")
        shutil.copy(LIBRARY, root / "shim.so")
        with redirected.disturbed(Unreachable(silent=False)):
            done = subprocess.run(
                ["/trials", "exchange", str(port)],
                env={"LD_PRELOAD": "/shim.so", "_FAULTLAYER_SHIM": redirected.name},
                preexec_fn=lambda: os.chroot(root),
                cwd="/",
                timeout=20,
                check=False,
            )
            assert done.returncode == 1, "refused"


def test_a_sanitizer_finds_nothing(redirected: Redirected, tmp_path: Path) -> None:
    """The same source, compiled with AddressSanitizer and UBSan.

    Without `bad`: AddressSanitizer's own getpeername reads bad pointers.
    """
    trials = build("glibc", tmp_path / "trials", HERE / "trials.c")
    checked = tmp_path / "checked.so"
    options = ("-shared", "-fPIC", "-g", "-fvisibility=hidden", "-fno-sanitize-recover=all")
    source = HERE.parents[1] / "shim" / "shim.c"
    build("glibc", checked, source, options=(*options, "-fsanitize=address,undefined"))
    runtime = subprocess.run(
        [machine.program("cc"), "-print-file-name=libasan.so"],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    ).stdout.strip()
    environ = environment(redirected.name, LD_PRELOAD=f"{Path(runtime).resolve()}:{checked}")
    environ["ASAN_OPTIONS"] = "detect_leaks=0"
    with host() as port:
        for name in ("kinds", "nonblocking", "kept", "threads", "forks", "lookup"):
            before = redirected.control.heard
            assert told(trials, name, port, environ) == told(trials, name, port)
            assert redirected.control.heard > before
