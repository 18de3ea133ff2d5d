"""CORS failures as visitors of a page meet them: a real browser, the layer, a real function.

docs/cors.md promises what is asserted here. https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

import json

import pytest

from browser.shop import AT_THE_BAR, AWAY, DRINKS, PLACED, REFUSED, Shop, Shown, refusals

REMOVED = json.dumps({"access-control-allow-origin": None})
NO_HEADER = "No 'Access-Control-Allow-Origin' header is present on the requested resource"
PREFLIGHT = "Response to preflight request doesn't pass access control check"


def refusal(shop: Shop) -> str:
    """The one refusal in the browser's console."""
    return refusals(shop.page)[0]


def test_untouched_the_page_reads_and_orders(shop):
    coffee = shop()
    assert coffee.drinks() == Shown(DRINKS, "")
    assert coffee.order() == Shown(PLACED, "")
    assert coffee.asked == [("GET", 200), ("OPTIONS", 204), ("POST", 201)]
    assert coffee.orders == 1
    assert coffee.page.said == []


def test_without_the_header_the_browser_refuses_an_answer_that_arrived(shop):
    coffee = shop(FAULTLAYER_HEADERS=REMOVED)
    assert coffee.drinks() == Shown(AWAY, REFUSED)
    assert NO_HEADER in refusal(coffee)
    assert coffee.asked == [("GET", 200)]  # the function ran, and nothing looks wrong from there
    (line,) = coffee.lines("fault_injected")
    assert line["fault"] == "headers"


def test_without_the_header_an_order_never_leaves_the_browser(shop):
    coffee = shop(FAULTLAYER_HEADERS=REMOVED)
    assert coffee.order() == Shown(AT_THE_BAR, REFUSED)
    assert coffee.asked == [("GET", 200), ("OPTIONS", 204)]
    assert coffee.orders == 0


def test_preflights_alone(shop):
    """Reading works, writing does not, and the function saw no order."""
    coffee = shop(
        FAULTLAYER_HEADERS=REMOVED, FAULTLAYER_HEADERS_MATCH="requestContext.http.method=OPTIONS"
    )
    assert coffee.drinks() == Shown(DRINKS, "")
    assert coffee.order() == Shown(AT_THE_BAR, REFUSED)
    assert PREFLIGHT in refusal(coffee)
    assert coffee.asked == [("GET", 200), ("OPTIONS", 204)]
    assert coffee.orders == 0
    assert len(coffee.lines("fault_injected")) == 1


def test_a_content_type_that_preflights_no_longer_allow(shop):
    coffee = shop(FAULTLAYER_HEADERS='{"access-control-allow-headers":null}')
    assert coffee.drinks() == Shown(DRINKS, "")
    assert coffee.order() == Shown(AT_THE_BAR, REFUSED)
    said = refusal(coffee)
    assert "content-type is not allowed by Access-Control-Allow-Headers" in said
    assert coffee.orders == 0


def test_an_order_may_be_placed_though_the_page_was_refused_the_answer(shop):
    """Why a retry after a CORS error wants an idempotency key."""
    coffee = shop(
        FAULTLAYER_HEADERS=REMOVED, FAULTLAYER_HEADERS_MATCH="requestContext.http.method=POST"
    )
    assert coffee.order() == Shown(AT_THE_BAR, REFUSED)
    assert coffee.asked == [("GET", 200), ("OPTIONS", 204), ("POST", 201)]
    assert coffee.orders == 1


def test_the_header_for_another_origin(shop):
    coffee = shop(FAULTLAYER_HEADERS='{"access-control-allow-origin":"https://shop.example"}')
    assert coffee.drinks() == Shown(AWAY, REFUSED)
    assert "has a value 'https://shop.example' that is not equal" in refusal(coffee)


def test_an_error_status_without_the_header_looks_like_a_cors_failure(shop):
    coffee = shop(FAULTLAYER_STATUS="503")
    assert coffee.drinks() == Shown(AWAY, REFUSED)
    assert NO_HEADER in refusal(coffee)
    assert coffee.asked == [("GET", 503)]


def test_an_error_status_with_the_header_is_seen_by_the_page(shop):
    allowed = '{"access-control-allow-origin":"*"}'
    coffee = shop(FAULTLAYER_STATUS="503", FAULTLAYER_STATUS_HEADERS=allowed)
    assert coffee.drinks() == Shown(AWAY, "Error: HTTP 503")


def test_it_works_again_once_the_fault_is_over(shop):
    """The same page, reloaded by its visitor: nothing of the failure stays."""
    coffee = shop(FAULTLAYER_HEADERS=REMOVED, FAULTLAYER_HEADERS_MAX="1")
    assert coffee.drinks() == Shown(AWAY, REFUSED)
    assert coffee.reload() == Shown(DRINKS, "")
    assert coffee.order() == Shown(PLACED, "")
    assert coffee.asked == [("GET", 200), ("GET", 200), ("OPTIONS", 204), ("POST", 201)]


@pytest.mark.parametrize(
    "variable, line",
    [
        ({"FAULTLAYER_DISABLED": "true"}, None),
        ({"FAULTLAYER_HEADERS_RATE": "0"}, None),
        ({"FAULTLAYER_DRY_RUN": "true"}, "fault_dry_run"),
        ({"FAULTLAYER_END": "2020-01-01T00:00:00Z"}, None),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_nothing_is_refused_where_nothing_is_injected(shop, variable, line):
    coffee = shop(FAULTLAYER_HEADERS=REMOVED, **variable)
    assert coffee.drinks() == Shown(DRINKS, "")
    assert coffee.order() == Shown(PLACED, "")
    assert coffee.page.said == []
    assert coffee.lines("fault_injected") == []
    assert line is None or len(coffee.lines(line)) == 3
