"""The proxy under test: in this process, or as the process that Lambda would start."""

from __future__ import annotations

import compileall
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = ROOT / "extension"
if str(EXTENSION) not in sys.path:
    sys.path.insert(0, str(EXTENSION))

from faultlayer import proxy  # noqa: E402
from faultlayer.acting.cold_start import Start  # noqa: E402
from faultlayer.settings.configuration import Configuration  # noqa: E402
from faultlayer.settings.live import Live  # noqa: E402
from faultlayer.settings.variables import read_environment  # noqa: E402
from faultlayer.startup.listener import LOOPBACK, Listener, listen  # noqa: E402
from faultlayer.startup.relay import READABLE, Loop  # noqa: E402

# A process of many tests may not keep for good what each of them made.
proxy.gc = SimpleNamespace(freeze=lambda: None)  # type: ignore[attr-defined]

Address = tuple[str, int]
Proxied = Callable[..., Address]
Logged = Callable[..., list[dict[str, Any]]]

# Armed, so that the proxy is in the path and decides each time; the first draw never is below it.
NEVER = {"FAULTLAYER_LATENCY": "1ms", "FAULTLAYER_LATENCY_RATE": "0.000000000000001"}


def start(upstream: Address, variables: dict[str, str] | None = None) -> Address:
    """Start a proxy in this process with these variables; return its address.

    It ends with the test.
    """
    settings = read_environment(NEVER if variables is None else variables)
    served = settings.chooser or settings.source
    assert served, [problem.message for problem in settings.problems]
    listener, port = listen(0)
    served_by = serve(listener, upstream, settings)
    started.append(served_by)
    if isinstance(served_by.chooser, Live):
        _live.append(served_by.chooser)
    return LOOPBACK, port


def serve(
    listener: Listener, upstream: Address, settings: Configuration, start: Start | None = None
) -> proxy.Proxy:
    """A proxy whose loop turns in a thread of its own; in Lambda it is the main thread."""
    loop = Loop()
    served_by = proxy.serve(loop, listener, upstream, settings, start)
    running.append(_Turning(loop, listener))
    return served_by


class _Turning:
    """A loop that turns in its own thread."""

    def __init__(self, loop: Loop, listener: Listener) -> None:
        self._loop = loop
        self._listener = listener
        self._over = False
        self._bell = os.eventfd(0)
        loop.add(self._bell, READABLE, lambda: None)
        self._thread = threading.Thread(target=self._turn, daemon=True)
        self._thread.start()

    def _turn(self) -> None:
        while not self._over:
            self._loop.turn()

    def end(self) -> None:
        """Stop turning and listening. Connections end when their runtimes leave."""
        self._over = True
        os.eventfd_write(self._bell, 1)
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._listener.close()
        os.close(self._bell)


def end(before: Collection[_Turning]) -> None:
    """End all running proxies, except these."""
    for each in [one for one in running if one not in before]:
        running.remove(each)
        each.end()
    started.clear()


started: list[proxy.Proxy] = []
running: list[_Turning] = []
_live: list[Live] = []


class _Parked:
    """A source that ends the thread that reads it."""

    kind = "parked"
    at_start = before_events = torn = False

    def __init__(self) -> None:
        self.reached = threading.Event()

    def fetch(self) -> bytes:
        self.reached.set()
        raise SystemExit


def park() -> None:
    """End the reader of every live plan.

    Else it would log that a past test's source is gone.
    """
    while _live:
        live, parked = _live.pop(), _Parked()
        live._source = cast(Any, parked)
        live.renew()
        live._wake()
        assert parked.reached.wait(10)


def report_of_the_wrapper(published: Path) -> None:
    """Tell the extension, as the wrapper does, that all variables are changed."""
    _, pid, _, descriptor = published.read_text().partition("\n")[0].split()
    Path(f"/proc/{pid}/fd/{descriptor}").write_bytes(b"\n")


def log_lines(text: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in text.splitlines()]
    assert all(line["source"] == "faultlayer" for line in lines)
    return lines


@cache
def _compiled() -> None:
    """Compile it as the layer does: a process that compiles is larger than one that loads."""
    compileall.compile_dir(EXTENSION, quiet=1, optimize=2)


class Extension:
    """The extension as a process of its own, compiled as in the layer."""

    def __init__(
        self, runtime_api: str, folder: Path, under: Sequence[str] = (), **variables: str
    ) -> None:
        """`under`: the command that runs it."""
        _compiled()
        self.path = folder / "address"
        self._out = folder / "out"
        self._err = folder / "err"
        code = (
            f"import sys; sys.path.insert(0, {str(EXTENSION)!r}); "
            "from faultlayer.main import main; main()"
        )
        environ = {
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/faultlayer-wrapper",
            "_FAULTLAYER_ADDRESS": str(self.path),
            "MALLOC_MMAP_THRESHOLD_": "1048576",  # as the launcher sets it
        }
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [*under, sys.executable, "-ISOO", "-c", code],
                env=environ | variables,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def __enter__(self) -> Extension:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(60)
        said = self._err.read_text()
        assert not said, said

    @property
    def address(self) -> Address:
        """Where it published that it listens."""
        host, _, port = self.path.read_text().split()[0].rpartition(":")
        return host, int(port)

    @property
    def log(self) -> list[dict[str, Any]]:
        return log_lines(self._out.read_text())

    def exit_code(self, timeout: float = 30.0) -> int:
        return self.process.wait(timeout)

    def status(self, field: str) -> int:
        """A number of /proc/<pid>/status: VmHWM and VmRSS in KiB, Threads."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.split(f"{field}:")[1].split()[0])

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def stop(pid: int) -> None:
    """Stop a process, each of its threads: the kernel takes its time where a processor is busy."""
    os.kill(pid, signal.SIGSTOP)

    def still() -> bool:
        tasks = [path / "stat" for path in Path(f"/proc/{pid}/task").iterdir()]
        return all(task.read_text().rpartition(") ")[2][0] in "TZ" for task in tasks)

    assert soon(still)


def soon(condition: Callable[[], object], within: float = 30.0) -> bool:
    """Whether this becomes true within so many seconds."""
    until = time.monotonic() + within
    while not (found := condition()) and time.monotonic() < until:
        time.sleep(0.01)
    return bool(found)
