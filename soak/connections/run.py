"""The run: invocations in turn; each of their connections is judged."""

from __future__ import annotations

import json
import os
import platform
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.subjects import namespace_trouble
from soak.cases import case
from soak.connections.contacts import (
    HOSTS,
    NAME,
    NAMED,
    PER_INVOCATION,
    RULES,
    contact,
    of_invocation,
)
from soak.connections.environment import Api, Runtime
from soak.connections.expect import expected
from soak.connections.hosts import Hosts
from soak.layer import ROOT, Held, Layer, LayerError, command
from soak.rules import Draws, Hit
from soak.sides import Side
from soak.upstream import Tally

COUNT = 100_000
KINDS = ("lost", "mixed up", "another end", "late", "early")
TOLERANCE = {"rss_kb": 6 << 10, "pss_kb": 6 << 10, "descriptors": 8, "threads": 0}
# Connections past the relay: the shim waits 50 ms for an answer, then goes on by itself for 1 s.
# A busy machine pauses for longer, so the layer has priority if that can be had.
MOST_DIRECT = 0.001
_CLIENTS = 2
_AT_REST = 3  # threads: the main one, that of the relay, and that of the runtime
_EVERY = 10.0  # seconds between two looks
_PATIENCE = 120.0  # seconds for the connections of one invocation
_SETTLE = 10.0
_SHIM = "faultlayer/lib/libfaultlayer-shim.so"


class Client:
    """A process with the shim that makes connections."""

    def __init__(self, tree: Path, layer: Layer, port: int, hosts_file: Path) -> None:
        shim = [
            f"LD_PRELOAD={tree / _SHIM}",
            f"_FAULTLAYER_SHIM={layer.variable('_FAULTLAYER_SHIM')}",
        ]
        flags = "-m" if os.geteuid() == 0 else "-rm"
        own = ["unshare", flags, "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"']
        program = [sys.executable, "-m", "soak.connections.clients", str(port)]
        self._process = subprocess.Popen(
            [*own, str(hosts_file), "env", *shim, *program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        self._held = b""

    def tell(self, numbers: list[int]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(numbers).encode() + b"\n")
        self._process.stdin.flush()

    def hear(self) -> list[list[Any]]:
        """Read the endings of the connections."""
        found: list[list[Any]] = json.loads(self.line())
        return found

    def line(self) -> bytes:
        """The next line of the client's output."""
        assert self._process.stdout is not None
        poller = select.poll()
        poller.register(self._process.stdout, select.POLLIN)
        until = time.monotonic() + _PATIENCE
        while b"\n" not in self._held:
            if not poller.poll(max(until - time.monotonic(), 0) * 1000):
                raise LayerError(f"a client has not finished within {_PATIENCE:.0f} s")
            data = os.read(self._process.stdout.fileno(), 1 << 16)
            if not data:
                raise LayerError("a client has ended")
            self._held += data
        line, _, self._held = self._held.partition(b"\n")
        return line

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=10)


class Soak:
    """One run of so many connections, or of so many seconds."""

    def __init__(self, tree: Path, given: list[str] | None, seed: str, late: float, folder: Path):
        trouble = namespace_trouble()
        if trouble:
            raise LayerError(f"the clients need a hosts file of their own: {trouble}")
        self._draws, self._late = Draws(seed, RULES), late
        self.tally, self.direct, self.rest = Tally(), 0, Counter[str]()
        self.looks: list[dict[str, float]] = []
        self._number, self._began = 0, time.monotonic()
        argv, self.what = command(tree)
        self._hosts = Side(Hosts)
        self._clients: list[Client] = []
        self._api = Api()
        try:
            plan = {"seed": seed, "faults": RULES}
            first = ["nice", "-n", "-15"] if os.geteuid() == 0 else []
            self.layer = Layer(
                [*first, *(given or argv)], self._api.port, plan, folder, at_rest=_AT_REST
            )
        except LayerError:
            self._hosts.stop()
            raise
        try:
            hosts_file = folder / "hosts"
            shutil.copy("/etc/hosts", hosts_file)
            with hosts_file.open("a") as file:
                file.write(f"\n{NAMED} {NAME}\n")
            port = self._hosts.ask("port")
            for _ in range(_CLIENTS):
                self._clients.append(Client(tree.resolve(), self.layer, port, hosts_file))
            for client in self._clients:
                client.line()
            self._runtime = Runtime(self.layer.port)
        except BaseException:
            self.stop()
            raise

    def phase(self, connections: int, seconds: float) -> Held:
        """Make so many connections; return the layer's holdings afterwards."""
        until, look = time.monotonic() + seconds, time.monotonic() + _EVERY
        end = self.tally.answers + connections
        while self.tally.answers < end and time.monotonic() < until:
            self._invoke()
            if time.monotonic() >= look:
                self._look()
                look += _EVERY
        return self._settled()

    def _invoke(self) -> None:
        """One invocation, and the connections that the function makes in it."""
        request_id = self._runtime.next()
        number, self._number = self._number, self._number + 1
        one = case(number)
        if request_id != one.id:
            raise LayerError(f"another invocation than {number}")
        hits = self._draws.hits(one)
        numbers = list(of_invocation(number))
        for at, client in enumerate(self._clients):
            client.tell(numbers[at::_CLIENTS])
        outcomes = [outcome for client in self._clients for outcome in client.hear()]
        direct = sum(outcome[-1] for outcome in outcomes)
        self.direct += direct
        for outcome in outcomes:
            self._judge(hits, *outcome[:-1], excused=direct > 0)
        self._runtime.send(request_id)
        self.tally.injected.update(hit.name for hit in hits)

    def _judge(
        self, hits: list[Hit], number: int, what: str, got: int, took: float, *, excused: bool
    ) -> None:
        """Judge the ending of a connection.

        `excused`: the shim got no answer in this invocation, so a fault may be missing.
        """
        one, tally = contact(number), self.tally
        due = expected(one, hits)
        tally.answers += 1
        tally.moved += got
        self.rest[what] += 1
        where = f"connection {number} to {one.host}: {what} after {got} bytes and {took:.3f} s"
        if what == "wrong bytes":
            tally.trouble("mixed up", where)
        elif excused and what == "whole" and got == one.answer * one.turns:
            return
        elif (what, got) != (due.what, due.got):
            kind = "lost" if due.what == "whole" else "another end"
            tally.trouble(kind, f"{where}; due: {due.what} after {due.got} bytes")
        elif took < due.at_least:
            tally.trouble("early", f"{where}; due: {due.at_least:.3f} s")
        elif took > due.about + self._late:
            tally.trouble("late", f"{where}; due: {due.about:.3f} s")
        tally.slowest = max(tally.slowest, took - due.about)

    def _look(self) -> None:
        held, seconds = self.layer.held(), time.monotonic() - self._began
        count = self.tally.answers
        self.looks.append({"seconds": round(seconds, 1), "connections": count, **asdict(held)})
        print(f"  {seconds:6.0f} s {count:>9,} connections   RSS {held.rss_kb / 1024:5.1f} MiB   "
              f"{held.descriptors} descriptors   {held.threads} threads", flush=True)  # fmt: skip

    def _settled(self) -> Held:
        """The layer's holdings, after it closed connections without a client."""
        until = time.monotonic() + _SETTLE
        held = self.layer.settled()
        since = time.monotonic()
        while time.monotonic() < until and time.monotonic() - since < 6:
            time.sleep(0.1)
            now = self.layer.held()
            if now.descriptors != held.descriptors:
                since = time.monotonic()
            held = now
        return held

    def end(self) -> list[str]:
        """Shut down; return the mistakes of the whole run."""
        wrong = []
        self._runtime.close()
        if not self.layer.alive():
            wrong.append("the extension ended by itself")
        self._api.leave()
        code = self.layer.left()
        if code is None or code:
            wrong.append(f"the extension did not leave as it should: {code}")
        logged, other = self.layer.logged(may_skip=self.direct > 0)
        wrong += [f"logged: {line[:200]}" for line in other[:5]]
        for fault in sorted({*logged, *self.tally.injected}):
            if abs(logged[fault] - self.tally.injected[fault]) > self.direct:
                due = self.tally.injected[fault]
                wrong.append(f"{fault}: {logged[fault]} injections logged, {due} were due")
        wrong += self._hosts.ask("wrong")
        if self.direct > max(1.0, self.tally.answers * MOST_DIRECT):
            wrong.append(f"{self.direct} connections went past the relay")
        if self.tally.troubles or not self.tally.answers:
            wrong.append(f"{sum(self.tally.troubles.values())} connections did not end as due")
        return wrong

    def stop(self) -> None:
        for client in self._clients:
            client.stop()
        self.layer.kill()
        self._hosts.stop()


def run(options: Any, folder: Path) -> int:
    """Run the soak with the command's options; return the exit code."""
    count = options.invocations or COUNT
    limit = options.minutes * 60 if options.minutes else float("inf")
    count = 1 << 40 if options.minutes else count
    began = time.monotonic()
    given = shlex.split(options.command) if options.command else None
    soak = Soak(options.tree, given, options.seed, options.late, folder)
    try:
        start = soak.phase(max(count // 10, 1), limit / 5)
        print(f"warmed up by {soak.tally.answers:,} connections", flush=True)
        end = soak.phase(count - soak.tally.answers, limit - (time.monotonic() - began))
        wrong = soak.end()
        wrong += [
            f"{name} grew by {more}, more than {TOLERANCE[name]}"
            for name, more in end.grown(start).items()
            if more > TOLERANCE[name]
        ]
        seconds = time.monotonic() - began
        _show(soak, start, end, seconds, wrong)
        _save(options, soak, {"start": start, "end": end}, seconds, wrong)
    finally:
        soak.stop()
    print("FAILED" if wrong else "none lost, mixed up, late or of another end; nothing grew")
    return 1 if wrong else 0


def _show(soak: Soak, start: Held, end: Held, seconds: float, wrong: list[str]) -> None:
    tally = soak.tally
    print(f"\n{tally.answers:,} connections to {len(HOSTS)} hosts in {seconds:.0f} s, "
          f"{PER_INVOCATION} for each invocation,")  # fmt: skip
    print(f"{tally.moved / 1e9:.2f} GB of answers, through {soak.what}")
    endings = ", ".join(f"{what} {count:,}" for what, count in soak.rest.most_common())
    print(f"ended: {endings}; past the relay {soak.direct}")
    faults = ", ".join(f"{name} {count:,}" for name, count in sorted(tally.injected.items()))
    print(f"injected as due ({sum(tally.injected.values()):,}): {faults}\n")
    for kind in KINDS:
        print(f"  {kind:<14}{tally.troubles[kind]:>9,}")
    print(f"  slowest beyond its fault {tally.slowest * 1000:,.0f} ms\n")
    print(f"  {'held at rest':<14}{'start':>9}{'end':>9}{'growth':>9}{'allowed':>9}")
    for name, more in end.grown(start).items():
        before, after = asdict(start)[name], asdict(end)[name]
        print(f"  {name:<14}{before:>9,}{after:>9,}{more:>9,}{TOLERANCE[name]:>9,}")
    for line in [*tally.examples, *wrong]:
        print(f"WRONG {line}")


def _save(
    options: Any, soak: Soak, held: dict[str, Held], seconds: float, wrong: list[str]
) -> None:
    tally = soak.tally
    content = {
        "taken": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": platform.machine(),
        "seed": options.seed,
        "connections": tally.answers,
        "seconds": round(seconds, 1),
        "bytes": tally.moved,
        "injected": dict(tally.injected),
        "endings": dict(soak.rest),
        "past_the_relay": soak.direct,
        **{kind.replace(" ", "_"): tally.troubles[kind] for kind in KINDS},
        "slowest_ms": round(tally.slowest * 1000, 1),
        "held": {when: asdict(one) for when, one in held.items()},
        "tolerance": TOLERANCE,
        "looks": soak.looks,
        "wrong": wrong,
    }
    options.output.write_text(json.dumps(content, indent=2) + "\n")
    print(f"All numbers: {os.path.relpath(options.output)}")
