"""A browser, and a page of another origin than the API that a function is behind."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import machine
from browser import chromium
from browser.shop import FOLDER, Shop
from fakes.gateway import Gateway
from faultlayer_cli.errors import Failure
from faultlayer_cli.running import namespaces
from faultlayer_cli.running.emulator import Emulator
from faultlayer_cli.running.local_function import LocalFunction


@pytest.fixture(scope="session")
def browser() -> Iterator[chromium.Browser]:
    with contextlib.ExitStack() as stack:
        try:
            started = stack.enter_context(chromium.started())
        except chromium.Unavailable as reason:
            machine.lacks(reason)
            raise
        yield started


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """Where the page is; its port makes it another origin than the API's."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *values: Any) -> None:
            pass

    handler = partial(Handler, directory=str(FOLDER))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/page.html"
        server.shutdown()
        thread.join()


@pytest.fixture
def shop(browser: chromium.Browser, site: str) -> Iterator[Callable[..., Shop]]:
    """Start the function with these variables, and open the page; all is stopped at the end."""
    try:
        namespaces.unshare_command()
    except (Failure, OSError, subprocess.SubprocessError) as reason:
        machine.lacks(reason)
    with contextlib.ExitStack() as stack:

        def start(**variables: str) -> Shop:
            emulator = stack.enter_context(
                Emulator(LocalFunction(FOLDER, env=variables, timeout=30))
            )
            gateway = stack.enter_context(Gateway(lambda event: emulator.invoke(event).body))
            page = stack.enter_context(browser.page(f"{site}?api={gateway.url}/drinks"))
            return Shop(page, gateway, emulator)

        yield start
