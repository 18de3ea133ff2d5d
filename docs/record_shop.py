"""Record docs/shop.md: the output of its commands, and a picture.

    .venv/bin/python docs/record_shop.py

It writes the `text` blocks that follow the page's commands, and docs/shop.webp. It needs
PostgreSQL, Redis, Chromium and `make build`.
"""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser import chromium  # noqa: E402
from example_shop.started import shop  # noqa: E402

PAGE = ROOT / "docs" / "shop.md"
PICTURE = ROOT / "docs" / "shop.webp"
RUN = "examples/shop/run"
DEGRADED = f"{RUN} --connect refuse --connect-hosts database,back"
WIDTH, HEIGHT, SCALE, GAP = 480, 900, 1.5, 16
_BLOCK = re.compile(
    r"```sh\n(?P<command>[^\n`]*examples/shop/run[^\n`]*)\n```\n\n```text\n(?P<text>.*?)```\n",
    re.DOTALL,
)
_BOTH = """<!doctype html><style>body{margin:0;display:flex;gap:%dpx;padding:%dpx;
background:#8a8f98}img{width:%dpx;border-radius:16px}</style>
<img src="data:image/webp;base64,%s"><img src="data:image/webp;base64,%s">"""


def blocks(page: str) -> list[tuple[str, str]]:
    """The page's commands that start the shop, with the text after each."""
    return [(found["command"], found["text"]) for found in _BLOCK.finditer(page)]


def recorded(command: str) -> str:
    """The output of a command: a page's status and time, log lines."""
    with shop(command) as running:
        page = running.page()
        if page.status == 200:  # the cold start is over, unless each page is one
            running.settled()
            before = len(running.log)
            page = running.page()
        else:
            before = running.log.index("press Ctrl-C\n") + len("press Ctrl-C\n")
        lines = running.settled()[before:]
    lines = re.sub(r'"request_id":"[^"]+"', '"request_id":"…"', lines)
    return f"{page.status} in {page.took:.3f} s\n{lines}"


def anew(page: str) -> str:
    """The page with all blocks up to date."""

    def block(found: re.Match[str]) -> str:
        return f"```sh\n{found['command']}\n```\n\n```text\n{recorded(found['command'])}```\n"

    return _BLOCK.sub(block, page)


def picture() -> bytes:
    """Two pages of the shop side by side: whole, and with gaps."""
    with chromium.started() as browser:
        shots = []
        for command, scheme in ((RUN, "light"), (DEGRADED, "dark")):
            with shop(command) as running:
                running.page()  # the cold start is over
                shots.append(shot(browser, running.url, WIDTH, HEIGHT, scheme))
        html = _BOTH % (GAP, GAP, WIDTH, *(base64.b64encode(each).decode() for each in shots))
        url = "data:text/html;base64," + base64.b64encode(html.encode()).decode()
        return shot(browser, url, 2 * WIDTH + 3 * GAP, HEIGHT + 2 * GAP, "light")


def shot(browser: chromium.Browser, url: str, width: int, height: int, scheme: str) -> bytes:
    """A page as a picture."""
    with browser.page("about:blank") as page:
        screen = {"width": width, "height": height, "deviceScaleFactor": SCALE, "mobile": False}
        browser.call("Emulation.setDeviceMetricsOverride", page.session, **screen)
        browser.call("Emulation.setScrollbarsHidden", page.session, hidden=True)
        feature = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.call("Emulation.setEmulatedMedia", page.session, features=feature)
        browser.call("Page.navigate", page.session, url=url)
        page.wait_for("location.href != 'about:blank' && document.readyState == 'complete'")
        taken = browser.call("Page.captureScreenshot", page.session, format="webp", quality=85)
        return base64.b64decode(taken["data"])


if __name__ == "__main__":
    PAGE.write_text(anew(PAGE.read_text()))
    PICTURE.write_bytes(picture())
    sys.stdout.write(f"{PAGE} and {PICTURE}: written\n")
