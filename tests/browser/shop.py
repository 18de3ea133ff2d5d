"""The page of examples/cors in a browser, its API, and what each of them saw."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from browser.chromium import Page
from fakes.gateway import Gateway
from faultlayer_cli.running.emulator import Emulator

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "cors"
DRINKS = "espresso, mocha"
AWAY = "The list is away. Please reload."
PLACED = "Yours: espresso"
AT_THE_BAR = "Please order at the bar."
REPORT = "REPORT RequestId: "  # the emulator's last line about an invocation
REFUSED = "TypeError: Failed to fetch"  # all that a page may know of an answer kept from it


@dataclass
class Shown:
    """What a visitor reads in a place of the page, and the error behind it."""

    text: str
    error: str


def shown(page: Page, place: str) -> Shown:
    """What stands there once the request is over."""
    element = f"document.getElementById({json.dumps(place)})"
    page.wait_for(f"!!{element} && {element}.className != ''")
    return Shown(page.evaluate(f"{element}.textContent"), page.evaluate(f"{element}.title"))


def refusals(page: Page, count: int = 1) -> list[str]:
    """What the browser's console says of answers that were kept from the page, so many of them."""
    found = page.heard("has been blocked by CORS policy", count)
    assert len(found) == count
    return found


def order(page: Page) -> Shown:
    """Press the button; what the page says of it then."""
    page.evaluate("void document.querySelector('button').onclick()")
    return shown(page, "order")


@dataclass
class Shop:
    """The page, the gateway and the function."""

    page: Page
    gateway: Gateway
    emulator: Emulator

    def drinks(self) -> Shown:
        return shown(self.page, "drinks")

    def order(self) -> Shown:
        self.drinks()
        return order(self.page)

    def reload(self) -> Shown:
        """The list once more, without a new page."""
        self.page.evaluate("void load()")
        return self.drinks()

    @property
    def asked(self) -> list[tuple[str, int]]:
        return self.gateway.asked

    @property
    def orders(self) -> int:
        """How many orders the function took."""
        return self.log.count("an order was placed")

    @property
    def log(self) -> str:
        """The log once it has all lines about what was asked: answers may be here before them."""
        end = time.monotonic() + 10
        while self.emulator.log.count(REPORT) < len(self.asked) and time.monotonic() < end:
            time.sleep(0.01)
        return self.emulator.log

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The layer's own lines of one kind."""
        records = [
            json.loads(line) for line in re.findall(r'\{"source":"faultlayer".*\}', self.log)
        ]
        return [record for record in records if record["event"] == event]
