"""The shop of examples/shop, started by its own command, and its pages."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services import or_skip, servers

ROOT = Path(__file__).resolve().parents[2]
_START = 120.0  # seconds; pip may have to fetch first
_ANSWER = 60.0


@dataclass
class Page:
    """A page of the shop: its status, HTML and time (seconds)."""

    status: int
    html: str
    took: float

    @property
    def products(self) -> list[str]:
        """The names of the products for sale, without recommendations."""
        main = self.html.partition('<section id="recommendations">')[0]
        return re.findall(r'<span class="name">([^<]+)</span>', main)

    @property
    def recommended(self) -> list[str]:
        rest = self.html.partition('<section id="recommendations">')[2]
        return re.findall(r'<span class="name">([^<]+)</span>', rest)

    @property
    def stock(self) -> list[str]:
        return re.findall(r'<span class="stock[^"]*">([^<]+)</span>', self.html)

    @property
    def notes(self) -> list[str]:
        """The sentences about missing parts."""
        return re.findall(r'<p class="away">([^<]+)</p>', self.html)


class Shop:
    """A running shop."""

    def __init__(self, process: subprocess.Popen[str], plan: Path | None) -> None:
        self._process = process
        self._plan = plan
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.url = self._wait_until_open()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line)

    def _wait_until_open(self) -> str:
        end = time.monotonic() + _START
        while time.monotonic() < end and self._reader.is_alive():
            if found := re.search(r"shop: open at (http://\S+)", self.log):
                return found[1]
            time.sleep(0.05)
        raise AssertionError(f"the shop did not open:\n{self.log}")

    @property
    def log(self) -> str:
        return "".join(self._lines)

    def settled(self) -> str:
        """The log once nothing more comes: lines may follow a page."""
        known = -1
        while known != len(self._lines):
            known = len(self._lines)
            time.sleep(1)
        return self.log

    def injected(self) -> list[dict[str, Any]]:
        """The log lines of all injections."""
        lines = re.findall(r'\{"source":"faultlayer".*\}', self.log)
        return [one for one in map(json.loads, lines) if one["event"] == "fault_injected"]

    def was_hit_by(self, rule: dict[str, str], known: int = 0) -> bool:
        """True if this rule hit after the first lines of the log."""
        return any(
            line["fault"] == rule["fault"]
            and line["host"] in rule["hosts"].split(",")
            and line.get("how") == rule.get("how")
            for line in self.injected()[known:]
        )

    def page(self) -> Page:
        begin = time.monotonic()
        try:
            with urllib.request.urlopen(self.url, timeout=_ANSWER) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, body = error.code, error.read()
        return Page(status, body.decode(), time.monotonic() - begin)

    def arm(self, plan: dict[str, Any]) -> None:
        """Change the plan.

        The front follows it soon, or from its next start.
        """
        assert self._plan is not None
        self._plan.write_text(json.dumps(plan))


@contextlib.contextmanager
def shop(command: str, plan: Path | None = None, **variables: str) -> Iterator[Shop]:
    """Run this command of the page until the end of the block."""
    with or_skip():
        servers.postgres_programs()
        servers.redis_program()
    given = {name: text for name, text in os.environ.items() if not name.startswith("FAULTLAYER")}
    process = subprocess.Popen(
        f"exec env {command}" + (f" --plan '{plan}'" if plan else ""),
        shell=True,
        cwd=ROOT,
        env=given | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield Shop(process, plan)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.kill()  # its children end with it
            process.wait()
