"""STATUS: the answer in the shape of Lambda's proxy integration."""

from __future__ import annotations

import json

from faultlayer.settings.variables import read_environment
from faultlayer.vocabulary.actions import BEFORE, Respond
from faultlayer.vocabulary.invocation import Invocation
from unit.faults.decided import decided


def test_a_status_is_answered_in_json_where_nothing_else_is_said() -> None:
    action = decided(STATUS="503")
    assert isinstance(action, Respond)
    assert (action.status, action.when, action.terminal) == (503, BEFORE, True)
    assert action.headers == {"content-type": "application/json"}
    assert "503" in json.loads(action.body)["message"]


def test_a_status_has_the_given_body_and_headers() -> None:
    given = '{"Content-Type":"text/html","retry-after":5}'
    action = decided(STATUS="429", STATUS_BODY="<b>later</b>", STATUS_HEADERS=given)
    assert action.body == "<b>later</b>"
    assert action.headers == {"Content-Type": "text/html", "retry-after": "5"}
    assert decided(STATUS="500", STATUS_BODY="x").headers == {"content-type": "text/plain"}
    assert decided(STATUS="204", STATUS_BODY="").body == ""


def test_one_decision_does_not_change_the_next() -> None:
    settings = read_environment(
        {"FAULTLAYER_STATUS": "503", "FAULTLAYER_STATUS_HEADERS": '{"a":"b"}'}
    )
    assert settings.chooser is not None
    (rule,) = settings.chooser.rules
    direct = Invocation(b"", b"", lambda: b"{}")
    rule.decide(rule.options, direct, 0).headers["a"] = "changed"  # type: ignore[union-attr]
    assert rule.decide(rule.options, direct, 0).headers["a"] == "b"  # type: ignore[union-attr]
