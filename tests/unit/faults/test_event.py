"""EVENT: what is refused, and what the function gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from faultlayer.faults import find_fault
from faultlayer.vocabulary.actions import Action, Alter, NotApplicable
from faultlayer.vocabulary.invocation import Invocation
from faultlayer.vocabulary.registry import Fault, Options


def fault() -> Fault:
    found = find_fault("event")
    assert found is not None
    return found


def decide(changes: Any, event: bytes) -> Action | None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    options = Options({"changes": fault().main.kind.parse(changes)})
    return fault().decide(options, Invocation(head, head, lambda: event), 0.5)


def damaged(changes: Any, event: Any) -> Any:
    body = json.dumps(event).encode()
    action = decide(changes, body)
    assert isinstance(action, Alter)
    changed = action.change(body)
    assert changed is not None
    return json.loads(changed)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ("{}", "at least one member"),
        ("[]", "not a JSON object"),
        ('{"a":1,"a":2}', "more than once"),
        ('{"a":{"b":1,"b":2}}', "more than once"),
        ('{"a":1e400}', "a number that JSON cannot hold"),
        ('{"a":[NaN]}', "a number that JSON cannot hold"),
        ('{"a":1,"b..c":1}', "member 2: the path has an empty part"),
        ({str(number): 1 for number in range(65)}, "more than 64"),
    ],
)
def test_what_is_refused(changes: Any, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        fault().main.kind.parse(changes)


def test_paths_act_in_their_order() -> None:
    event = {"detail": {"amount": 5, "id": "x"}, "source": "shop"}
    changes = '{"detail.amount":"five","detail.id":null,"source":null,"source.a\\\\.b":[null]}'
    assert damaged(changes, event) == {"detail": {"amount": "five"}, "source": {"a.b": [None]}}


def test_a_null_can_be_set_within_a_value() -> None:
    assert damaged({"a": {"b": None}}, {"a": 5}) == {"a": {"b": None}}


def test_a_list_s_records() -> None:
    event = {"Records": [{"body": "1"}, {"body": "2"}]}
    assert damaged({"Records.1.body": "{", "Records.0": None}, event) == {
        "Records": [{"body": "{"}]
    }
    assert damaged({"0": "x"}, [1, 2]) == ["x", 2]


@pytest.mark.parametrize("event", [b"{", b"", b"\xff", b"{} {}"])
def test_what_is_no_json_is_left_alone(event: bytes) -> None:
    action = decide({"a": 1}, event)
    assert isinstance(action, NotApplicable)
    assert action.why == "the event is not JSON"


@pytest.mark.parametrize("event", [b"5", b"null", b'"a"', b'{"a": 1.0}', b"[]"])
def test_what_no_path_changes_is_left_alone(event: bytes) -> None:
    assert isinstance(decide({"a": 1.0, "b.c": None}, event), NotApplicable)


def test_the_line_says_how_many_paths_and_none_of_them() -> None:
    action = decide({"secret": "hunter2"}, b"{}")
    assert isinstance(action, Alter)
    assert action.numbers == {"paths": 1}
