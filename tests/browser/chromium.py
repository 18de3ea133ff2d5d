"""A real headless Chromium, driven over its own pipe: pages, what they hold, what it says of them.

The Chrome DevTools Protocol on file descriptors 3 and 4, JSON with a NUL after each message, so
that nothing but the browser is needed. https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import contextlib
import fcntl
import json
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
from typing import Any

COMMANDS = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
)
_LIMIT = 60.0  # seconds for anything: a shared machine may be slow, and nothing here is timed
_FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",  # it refuses root and needs what containers lack; the pages are our own
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
)
_LAUNCH = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Unavailable(Exception):
    """There is no browser that starts here; says why, in one line."""


class Refused(Exception):
    """The browser will not do this, or not now."""


class Browser:
    """The protocol: commands are answered, everything else is kept as it comes."""

    def __init__(self, to: int, back: int) -> None:
        self._to = to
        self._back = back
        self._changed = threading.Condition()
        self._answers: dict[int, dict[str, Any]] = {}
        self._events: list[dict[str, Any]] = []
        self._last = 0
        self._gone = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """The result of one command; Unavailable where the browser is gone."""
        with self._changed:
            self._last += 1
            number = self._last
            message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
            if session:
                message["sessionId"] = session
            data = json.dumps(message).encode() + b"\0"
            try:
                while data:
                    data = data[os.write(self._to, data) :]
            except OSError as error:
                raise Unavailable(f"the browser is gone: {error.strerror}") from None
            self._changed.wait_for(lambda: number in self._answers or self._gone, _LIMIT)
            answer = self._answers.pop(number, None)
        if answer is None:
            raise Unavailable(f"the browser gives no answer to {method}")
        if "error" in answer:
            raise Refused(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def events(self, session: str, method: str) -> list[dict[str, Any]]:
        with self._changed:
            return [
                event["params"]
                for event in self._events
                if event.get("sessionId") == session and event["method"] == method
            ]

    def _read(self) -> None:
        rest = b""
        while piece := os.read(self._back, 65536):
            *messages, rest = (rest + piece).split(b"\0")
            with self._changed:
                for message in map(json.loads, messages):
                    if "id" in message:
                        self._answers[message["id"]] = message
                    else:
                        self._events.append(message)
                self._changed.notify_all()
        with self._changed:
            self._gone = True
            self._changed.notify_all()

    @contextlib.contextmanager
    def page(self, url: str) -> Iterator[Page]:
        """A page in a profile of its own: no cache, and no memory of earlier preflights."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        try:
            made = self.call("Target.createTarget", url="about:blank", browserContextId=context)
            session = self.call("Target.attachToTarget", targetId=made["targetId"], flatten=True)
            page = Page(self, session["sessionId"])
            for domain in ("Page", "Runtime", "Log"):
                self.call(f"{domain}.enable", page.session)
            self.call("Page.navigate", page.session, url=url)
            yield page
        finally:
            self.call("Target.disposeBrowserContext", browserContextId=context)


class Page:
    """An open page."""

    def __init__(self, browser: Browser, session: str) -> None:
        self.session = session
        self._browser = browser

    def evaluate(self, expression: str) -> Any:
        """What an expression is in the page; promises are waited for."""
        found = self._browser.call(
            "Runtime.evaluate",
            self.session,
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
        )
        if "exceptionDetails" in found:
            raise Refused(f"{expression}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """What it is, as soon as it is true."""
        end = time.monotonic() + _LIMIT
        while time.monotonic() < end:
            with contextlib.suppress(Refused):  # as long as one page takes another's place
                if value := self.evaluate(expression):
                    return value
            time.sleep(0.02)
        raise AssertionError(f"never true: {expression}\n{self.said}")

    def heard(self, words: str, count: int = 1) -> list[str]:
        """The console's errors with these words; it waits until there are that many."""
        end = time.monotonic() + _LIMIT
        while len(found := [text for text in self.said if words in text]) < count:
            if time.monotonic() > end:
                raise AssertionError(f"never said: {words}\n{self.said}")
            time.sleep(0.02)
        return found

    @property
    def said(self) -> list[str]:
        """The console's errors so far, the browser's own among them."""
        entries = self._browser.events(self.session, "Log.entryAdded")
        return [each["entry"]["text"] for each in entries if each["entry"]["level"] == "error"]


@contextlib.contextmanager
def started() -> Iterator[Browser]:
    """A browser, until the end of the block; Unavailable where there is none that starts."""
    path = next(filter(None, map(shutil.which, COMMANDS)), None)
    if path is None:
        raise Unavailable("no Chromium is here (Debian: apt-get install chromium-headless-shell)")
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        )
        theirs_in, to = _pipe(stack)
        back, theirs_out = _pipe(stack)
        log = stack.enter_context(Path(folder, "log").open("w+b"))
        launch = [sys.executable, "-c", _LAUNCH, str(theirs_in), str(theirs_out)]
        process = subprocess.Popen(
            [*launch, path, *_FLAGS, f"--user-data-dir={folder}/profile", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(theirs_in, theirs_out),
            start_new_session=True,
        )
        stack.callback(_end, process)
        os.close(theirs_in)
        os.close(theirs_out)
        browser = Browser(to, back)
        try:
            browser.call("Browser.getVersion")
        except Unavailable:
            said = Path(folder, "log").read_text(errors="replace").strip().splitlines()
            reason = said[-1] if said else "it says nothing"
            raise Unavailable(f"{path} does not start: {reason}") from None
        yield browser
        with contextlib.suppress(Unavailable):
            browser.call("Browser.close")
        process.wait(_LIMIT)
        browser._reader.join(_LIMIT)


def _pipe(stack: contextlib.ExitStack) -> tuple[int, int]:
    """Both ends, with numbers above those that the browser's get."""
    ends = []
    for end in os.pipe():
        ends.append(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10))
        os.close(end)
        stack.callback(_close, ends[-1])
    return ends[0], ends[1]


def _close(number: int) -> None:
    with contextlib.suppress(OSError):  # that which is the browser's is closed already
        os.close(number)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
