"""The shop of docs/shop.md: the customer's view of each fault.

Each start of the shop takes seconds, so one takes all faults that a live plan can bring.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import machine
from docs import pages
from example_shop.started import ROOT, Page, Shop, shop
from faultlayer.dependencies import resolver
from faultlayer.faults import find_fault
from faultlayer_cli.running import launch

PAGE = pages.ROOT / "docs" / "shop.md"
PRODUCTS = ["Teapot", "Mug", "Green tea", "Honey", "Spoon", "Lamp"]
STOCK = ["12 in stock", "31 in stock", "4 in stock", "18 in stock", "sold out", "2 in stock"]
# All want the same ports, and take others only if they see that these are taken.
pytestmark = pytest.mark.xdist_group("example_shop")
TOO_LATE = 5000  # ms: the front has timed out
SOON = 2.0  # seconds: the hypothesis of the page
# Connections that are older than a rule are not reached, so a rule names the hosts from the start.
BLACKHOLE = {"fault": "connect", "how": "blackhole", "hosts": "database"}
NEVER = {"fault": "connect", "how": "refuse", "hosts": "cache,database", "match": {"never": True}}


def rule(flags: str) -> dict[str, str]:
    """`--connect refuse --connect-hosts cache` as a rule of a plan."""
    (first, value), (_, hosts) = re.findall(r"--(\S+) (\S+)", flags)
    fault = find_fault(first)
    assert fault is not None
    return {"fault": first, fault.main.name: value, "hosts": hosts}


def rows() -> dict[str, tuple[str, str]]:
    """The page's table: flags, and the view without and with the fix."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text().splitlines()
        if line.startswith("| `--")
    ]
    return {flags.strip("`"): (as_it_is, fixed) for flags, as_it_is, fixed in cells}


def seen(page: Page) -> str:
    """The words of the page's table for this page of the shop."""
    if page.status == 502:
        return "502 after 4 s"
    late = "" if page.took < SOON else f", after {page.took:.0f} s"
    if page.status == 503:
        assert page.products == []
        assert "closed for a moment" in page.html
        return "closed for a moment, 503" + late
    assert (page.status, page.products) == (200, PRODUCTS)
    missing = []
    if page.stock != STOCK:
        assert page.stock == ["stock unknown"] * 6
        assert "look up our stock" in page.notes[0]
        missing.append("the stock")
    if page.recommended != ["Teapot", "Spoon"]:
        assert page.notes[-1] == "No recommendations just now."
        missing.append("recommendations")
    return ("all" if not missing else "without " + " and ".join(missing)) + late


def until_it_shows(running: Shop, expected: str, hit_by: dict[str, str] | None = None) -> None:
    """Ask until a page hit by this rule shows this.

    Plans come late, and machines pause.
    """
    known, end = len(running.injected()), time.monotonic() + 30
    shown = []
    while time.monotonic() < end:
        shown.append(seen(running.page()))
        if shown[-1] == expected and (hit_by is None or running.was_hit_by(hit_by, known)):
            return
        time.sleep(0.2)
    raise AssertionError(f"not {expected!r} for {hit_by}, but {shown}:\n{running.log}")


def check(running: Shop, column: int) -> None:
    until_it_shows(running, "all")
    for flags, expected in rows().items():
        if "--dns timeout" in flags and resolver.unanswered() < TOO_LATE:
            continue  # this machine's resolver gives up earlier than the page says
        running.arm({"faults": [NEVER, rule(flags)]})
        until_it_shows(running, expected[column], rule(flags))
    running.arm({"faults": [NEVER]})
    until_it_shows(running, "all")


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"faults": [NEVER]}))
    return path


@pytest.mark.whole
def test_each_fault_shows_what_the_table_says(plan: Path):
    with shop("examples/shop/run", plan) as running:
        check(running, 0)


@pytest.mark.whole
def test_with_the_fix_the_hypothesis_holds_for_every_fault_of_the_table(plan: Path):
    with shop("SHOP_FIX=limits examples/shop/run", plan) as running:
        check(running, 1)
    assert [fixed for _, fixed in rows().values() if "after" in fixed or "502" in fixed] == []


@pytest.mark.whole
def test_the_command_of_the_finding_and_its_line_in_the_log():
    """The fault hits from the start.

    So it hits a cold start, too. The nightly test has the other commands.
    """
    (finding,) = (
        line
        for line in pages.shell_lines(PAGE)
        if line == "examples/shop/run --connect blackhole --connect-hosts database"
    )
    with shop(finding) as running:
        until_it_shows(running, "502 after 4 s", BLACKHOLE)
        assert "front: timed out, and was ended" in running.settled()


def test_the_commands_of_the_faults_pages_are_rows_of_the_table():
    found = [
        line.removeprefix("examples/shop/run ")
        for page in sorted((pages.ROOT / "docs" / "faults").glob("*.md"))
        for line in pages.shell_lines(page)
        if line.startswith("examples/shop/run")
    ]
    assert len(found) == 4
    assert set(found) <= set(rows())


def masked(text: str) -> list[str]:
    """The lines without numbers, in an order that no race decides."""
    return sorted(re.sub(r"[0-9.]+", "0", text).splitlines())


@pytest.mark.whole
@pytest.mark.nightly
def test_the_page_quotes_what_its_commands_come_to():
    spec = importlib.util.spec_from_file_location("record_shop", ROOT / "docs" / "record_shop.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    quoted = script.blocks(PAGE.read_text())
    assert len(quoted) == 5
    for command, text in quoted:
        assert masked(script.recorded(command)) == masked(text), command


@pytest.mark.parametrize(
    ("arguments", "variables", "named"),
    [
        (["--plan", "nowhere.json"], {}, "--plan nowhere.json is not there"),
        ([], {"SHOP_FIX": "luck"}, "SHOP_FIX is luck; allowed: limits"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], variables: dict[str, str], named: str):
    done = started(arguments, variables)
    assert done.returncode == 2
    assert named in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_packages_that_are_missing_are_named(tmp_path: Path):
    if reason := launch.refusal():
        machine.lacks(reason)
    for program in ("unshare", "setpriv", "mount", "sh"):
        (tmp_path / program).symlink_to(machine.program(program))
    done = started([], {"PATH": str(tmp_path)})
    assert done.returncode == 1
    assert re.fullmatch(r"shop: missing: sudo apt-get install [a-z -]+\n", done.stderr), done.stderr
    assert "redis-server" in done.stderr


def started(arguments: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The shop, started to fail."""
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / "shop" / "shop.py"), *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | variables,
        timeout=60,
    )
