"""`faultlayer local --http` as a visitor's browser meets it: a page, its API, a real function."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

import machine
from browser.chromium import Browser, Page
from browser.shop import AT_THE_BAR, AWAY, DRINKS, FOLDER, PLACED, REFUSED, Shown, order, shown
from faultlayer_cli.errors import Failure
from faultlayer_cli.running import namespaces
from faultlayer_cli.running.launch import Launch
from faultlayer_cli.running.local_function import LocalFunction
from faultlayer_cli.running.service import Service

REMOVED = json.dumps({"access-control-allow-origin": None})


@pytest.fixture
def visit(browser: Browser, site: str) -> Iterator[Callable[..., Page]]:
    """Serve the function with these variables, and open the page; all is stopped at the end."""
    try:
        namespaces.unshare_command()
    except Failure as reason:
        machine.lacks(reason)
    with ExitStack() as stack:

        def start(**variables: str) -> Page:
            function = LocalFunction(FOLDER, env=variables, timeout=30)
            launch = Launch(function, "none", concurrency=4, http=True)
            service = stack.enter_context(closing(Service(launch)))
            service.start()
            return stack.enter_context(browser.page(f"{site}?api={service.url}drinks"))

        yield start


def test_a_page_of_another_origin_reads_and_orders(visit: Callable[..., Page]):
    page = visit()
    assert shown(page, "drinks") == Shown(DRINKS, "")
    assert order(page) == Shown(PLACED, "")
    assert page.said == []


def test_faults_reach_the_page(visit: Callable[..., Page]):
    page = visit(FAULTLAYER_HEADERS=REMOVED)
    assert shown(page, "drinks") == Shown(AWAY, REFUSED)
    assert order(page) == Shown(AT_THE_BAR, REFUSED)
    assert shown(visit(FAULTLAYER_STATUS="503"), "drinks").text == AWAY
