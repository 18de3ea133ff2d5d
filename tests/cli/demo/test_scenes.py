"""The demo's scenes: the opening questions, and what the caller got."""

from __future__ import annotations

import pytest

from faultlayer_cli.demo import scenes
from faultlayer_cli.running.http_client import Response


def test_first_untouched_then_the_three_opening_questions() -> None:
    first, *others = scenes.SCENES
    assert first.variables == {}
    assert [list(scene.variables) for scene in others] == [
        ["FAULTLAYER_LATENCY"],
        ["FAULTLAYER_STATUS"],
        ["FAULTLAYER_EXCEPTION"],
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"statusCode":200}', ("HTTP 200", False)),
        (b'{"statusCode":503}', ("HTTP 503", True)),
        (b'{"errorType":"ValueError","errorMessage":"x"}', ("ValueError", True)),
        (b"Task timed out after 3.00 seconds", ("Task timed out after 3.00 seconds", True)),
        (b"[]", ("an answer", False)),
    ],
)
def test_kinds_of_answers(body: bytes, expected: tuple[str, bool]):
    assert scenes.kind(Response(200, {}, body, 0.1)) == expected
