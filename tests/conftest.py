"""How the tests share a machine: how many at once, and which of them never beside one another."""

from __future__ import annotations

import _thread
import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import machine
from clients.pages import Said
from runtimes.matrix import Results
from time_limits import TimeLimits

TESTS = Path(__file__).parent
# Folders that `make test` leaves out. Each runs in one worker: its tests share images, a browser or
# what `make dist` writes.
_WHOLE = ("browser", "images", "release", "sam", "web_adapter")


# Property tests that no pause of the machine fails.
settings.register_profile(
    "faultlayer",
    deadline=None,
    database=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("faultlayer")


def _trace_every_thread(start: Callable[..., int] = _thread.start_new_thread) -> None:
    """Measure threads that are started below `threading`, as the extension starts its own."""

    def traced(function: Callable[..., object], args: tuple[Any, ...], *more: Any) -> int:
        def run(*given: Any, **named: Any) -> None:
            sys.settrace(threading.gettrace())
            function(*given, **named)

        return start(run, args, *more)

    _thread.start_new_thread = _thread.start_new = traced


if threading.gettrace():  # coverage's, before Python 3.12
    _trace_every_thread()


@pytest.fixture
def localhost() -> None:
    machine.localhost()


@pytest.hookimpl(optionalhook=True)  # `-p no:xdist` knows none of it
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Three to a core, since most tests wait most of their time; each takes 150 MB."""
    return min(3 * len(os.sched_getaffinity(0)), 12)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Results())  # here, since xdist's controller reads no other
    config.pluginmanager.register(Said())
    config.pluginmanager.register(TimeLimits())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        group = folder if folder in _WHOLE else ""
        if "client" in getattr(item, "fixturenames", ()):  # of a Docker engine
            group = group or "docker"
        if group:
            item.add_marker("whole")
        elif item.get_closest_marker("measures"):
            group = "quiet"
        if group and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_finish() -> None:
    """Spare the garbage collector the collected tests.

    They are millions of objects, which stay to the end.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    """End the proxies of a test: a worker runs thousands of tests."""
    proxied = sys.modules.get("fakes.proxied")
    before = tuple(proxied.running) if proxied else ()
    yield
    if proxied := sys.modules.get("fakes.proxied"):
        proxied.end(before)
