"""Measured processes: start on a CPU, read reports, weigh, stop.

A child is gone when `stop` returns. A child that dies early is an error that shows its last words.
No process is signalled that was not started here.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """A measurement is impossible; the message says why, in one line."""


@contextmanager
def on_cpu(cpu: int | None) -> Iterator[None]:
    """Pin children started in the block to a CPU; None: free."""
    if cpu is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def quietest_cpu(over: float = 0.3) -> int:
    """The allowed CPU with the most idle time: there others disturb least."""

    def idle() -> dict[int, int]:
        rows = (line.split() for line in Path("/proc/stat").read_text().splitlines())
        return {int(r[0][3:]): int(r[4]) for r in rows if r[0][:3] == "cpu" and r[0][3:]}

    before = idle()
    time.sleep(over)
    after = idle()
    return max(os.sched_getaffinity(0), key=lambda cpu: after.get(cpu, 0) - before.get(cpu, 0))


class Child:
    """A started program; its output is read by line, with a deadline."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        # A file, not a pipe: a chatty child must not block on a reader that is busy measuring.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by stop)
        self._name = os.path.basename(argv[0])
        self._popen = subprocess.Popen(
            argv,
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
        )
        self._pending = b""

    @property
    def pid(self) -> int:
        return self._popen.pid

    def line(self, timeout: float = 20.0) -> str:
        """The next line of output.

        Raises BenchError after the deadline.
        """
        assert self._popen.stdout is not None
        until = time.monotonic() + timeout
        poller = select.poll()  # `select.select` takes no descriptor above 1023
        poller.register(self._popen.stdout, select.POLLIN)
        while b"\n" not in self._pending:
            left = until - time.monotonic()
            if not poller.poll(max(left, 0) * 1000):
                raise BenchError(
                    f"{self._name} reported nothing for {timeout:.0f} s{self.last_words()}"
                )
            piece = os.read(self._popen.stdout.fileno(), 65536)
            if not piece:
                raise BenchError(f"{self._name} ended early{self.last_words()}")
            self._pending += piece
        text, self._pending = self._pending.split(b"\n", 1)
        return text.decode(errors="replace")

    def report(self, word: str, timeout: float = 20.0) -> list[str]:
        """The fields after `word` on the next line, which begins with it."""
        fields = self.line(timeout).split()
        if not fields or fields[0] != word:
            raise BenchError(
                f"{self._name} said {fields!r} where {word!r} was due{self.last_words()}"
            )
        return fields[1:]

    def ended(self) -> str | None:
        """Say how the program ended; None while it runs."""
        status = self._popen.poll()
        if status is None:
            return None
        how = f"was killed by signal {-status}" if status < 0 else f"exited {status}"
        return f"{self._name} {how}{self.last_words()}"

    def last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1][:300]}" if lines else ""

    def stop(self) -> None:
        if self._popen.poll() is None:
            self._popen.send_signal(signal.SIGKILL)
        self._popen.wait(60)
        assert self._popen.stdout is not None
        self._popen.stdout.close()
        self._errors.close()


def tree(pid: int) -> list[int]:
    """A process and all its descendants: helpers count as well.

    Each may have ended since: socat's child ends with its connection.
    """
    found = [pid]
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        try:
            below = Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
        except OSError:
            continue
        for child in below:
            found += tree(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and of its waited-for children (seconds)."""
    total = 0.0
    for one in tree(pid):
        try:
            # The kernel's clock of another process (clock_getcpuclockid(3)): /proc counts in ticks
            # of 10 ms, which is too coarse for a round. Only waited-for children are left to /proc.
            total += time.clock_gettime(~one << 3 | 2)
            stat = Path(f"/proc/{one}/stat").read_text()
        except OSError:
            continue
        total += sum(int(field) for field in stat.rsplit(")", 1)[1].split()[13:15]) / TICKS
    return total


@dataclass(frozen=True)
class Memory:
    """Memory in kilobytes, as in /proc."""

    rss_kb: int
    pss_kb: int


def memory(pid: int) -> Memory:
    rss = pss = 0
    # A child that ended leaves nothing to count; the process itself must be there.
    for one in tree(pid):
        try:
            found = _fields(Path(f"/proc/{one}/smaps_rollup"))
        except (OSError, BenchError):
            if one == pid:
                raise BenchError(f"process {pid} cannot be weighed") from None
            continue
        rss += found["Rss:"]
        pss += found["Pss:"]
    return Memory(rss, pss)


def _fields(path: Path) -> dict[str, int]:
    rows = (line.split() for line in path.read_text().splitlines()[1:])
    found = {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()}
    if "Rss:" not in found or "Pss:" not in found:
        raise BenchError(f"{path} says nothing")
    return found


class Scales:
    """Weigh a process tree every few milliseconds, and keep the maximum."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.most = memory(pid)

    def __enter__(self) -> Scales:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._weigh()

    def _run(self) -> None:
        while not self._done.wait(0.01):
            self._weigh()

    def _weigh(self) -> None:
        try:
            now = memory(self._pid)
        except BenchError:
            return
        self.most = Memory(max(now.rss_kb, self.most.rss_kb), max(now.pss_kb, self.most.pss_kb))
