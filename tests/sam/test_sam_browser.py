"""examples/cors as docs/cors.md runs it: `sam local start-api`, and its page in a real browser."""

from __future__ import annotations

import contextlib

import pytest

from browser.conftest import browser, site  # noqa: F401  (fixtures)
from browser.shop import AT_THE_BAR, AWAY, DRINKS, PLACED, REFUSED, Shown, order, refusals, shown
from faultlayer_cli.running import downloads
from sam.sam_cli import ROOT, lines, parameters

TEMPLATE = ROOT / "examples" / "cors" / "template.yaml"
REMOVED = '{"access-control-allow-origin":null}'

pytestmark = pytest.mark.usefixtures("python")


@pytest.fixture(scope="module")
def built_shop(sam, layers, tmp_path_factory):
    if downloads.architecture() != "x86_64":
        pytest.skip("examples/cors/template.yaml is of x86_64")
    folder = tmp_path_factory.mktemp("sam-shop")
    said = sam.run("build", "--template", TEMPLATE, "--build-dir", folder)
    assert said.code == 0, said.log
    return folder / "template.yaml"


@pytest.fixture
def visit(sam, built_shop, browser, site):  # noqa: F811
    """The API with these parameters, and its page in the browser."""
    with contextlib.ExitStack() as stack:

        def visit(**given):
            options = ["--template", built_shop, "--skip-pull-image", "--warm-containers", "LAZY"]
            options += parameters(given) if given else []
            server = stack.enter_context(sam.serve("start-api", *options))
            page = stack.enter_context(browser.page(f"{site}?api={server.url}/drinks"))
            return server, page

        yield visit


@pytest.mark.parametrize("given", [{}, {"FaultHeaders": REMOVED, "FaultDisabled": "true"}])
def test_untouched_and_disabled(visit, given):
    server, page = visit(**given)
    assert shown(page, "drinks") == Shown(DRINKS, "")
    assert order(page) == Shown(PLACED, "")
    assert page.said == []
    assert lines(server.log) == []


def test_refused_without_the_header(visit):
    server, page = visit(FaultHeaders=REMOVED)
    assert shown(page, "drinks") == Shown(AWAY, REFUSED)
    assert order(page) == Shown(AT_THE_BAR, REFUSED)
    assert len(refusals(page, 2)) == 2
    assert [line["fault"] for line in server.injected(2)] == ["headers", "headers"], server.log
    assert "an order was placed" not in server.log


def test_preflights_alone(visit):
    server, page = visit(FaultHeaders=REMOVED, FaultMatch="requestContext.http.method=OPTIONS")
    assert shown(page, "drinks") == Shown(DRINKS, "")
    assert order(page) == Shown(AT_THE_BAR, REFUSED)
    assert len(server.injected(1)) == 1
    assert "an order was placed" not in server.log
