"""Which events a rule is for: what users write, and what it says of events of every kind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from faultlayer.events import match
from faultlayer.events.match import Match, parse
from faultlayer.events.paths import MISSING, look
from faultlayer.values.kinds import Matching
from faultlayer.vocabulary.invocation import Invocation

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
HTTP = {
    "version": "2.0",
    "requestContext": {"http": {"method": "GET", "path": "/orders/7"}, "accountId": "123"},
    "headers": {"X-Chaos": "on", "accept": "text/html", "a.b": "dotted"},
    "multiValueHeaders": {"X-Many": ["one", "two"]},
    "queryStringParameters": {"page": "5", "n": None},
    "body": "eyJhIjoxfQ==",
    "isBase64Encoded": True,
    "Records": [{"eventSource": "aws:sqs", "n": 5}, {"eventSource": "aws:s3", "n": True}],
    "a.b": {"c\\d": 1, "e=f": "x,y"},
    "0": "zero",
    "headerless": {"Case": 1},
    "": "empty",
}


def invocation(event: Any, *, arn: str = ARN, raw: bytes | None = None) -> Invocation:
    head = f"HTTP/1.1 200 OK\r\nLambda-Runtime-Invoked-Function-Arn: {arn}\r\n\r\n".encode()
    content = json.dumps(event).encode() if raw is None else raw
    return Invocation(head, head.lower(), lambda: content)


def holds(written: Any, event: Any = HTTP, **given: Any) -> bool:
    return parse(written).holds(invocation(event, **given))


def refusal(written: Any) -> str:
    with pytest.raises(ValueError) as caught:
        Matching().parse(written)
    return str(caught.value)


# -- what is found ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "requestContext.http.method=GET",
        "requestContext.http.method = GET , headers.x-chaos",
        "requestContext.http",
        "headers.x-chaos=on",
        "headers.X-CHAOS=on",
        "headers.Accept=text/html",
        "headers.a\\.b=dotted",
        "headers.A\\.B=dotted",
        "multiValueHeaders.x-many.1=two",
        "Records.0.eventSource=aws:sqs",
        "Records.0.n=5",
        "Records.0.n=5.0",
        "Records.1.n=true",
        "queryStringParameters.page=5",
        "queryStringParameters.n=null",
        "queryStringParameters.n",
        "a\\.b.c\\\\d=1",
        "a\\.b.e\\=f=x\\,y",
        "0=zero",
        "isBase64Encoded=true",
        "body=eyJhIjoxfQ==",
        "version=2.0",
        "invoked_function_arn=" + ARN,
        "invoked_function_arn,version",
        {"version": "2.0"},
        {"version": {"equals": "2.0", "prefix": "2"}},
        {"Records.0.n": 5},
        {"Records.0.n": 5.0},
        {"Records.1.n": True},
        {"queryStringParameters.n": None},
        {"queryStringParameters.n": {"exists": True}},
        {"nowhere": {"exists": False}},
        {"requestContext.http.path": {"prefix": "/orders/"}},
        {"requestContext.http.method": {"in": ["PUT", "GET"]}},
        {"invoked_function_arn": {"prefix": "arn:aws:lambda:eu-"}},
        {"qualifier": {"exists": False}},
    ],
    ids=str,
)
def test_what_matches(written: Any) -> None:
    assert holds(written)
    assert holds(json.dumps(written) if isinstance(written, dict) else f" {written} ")


@pytest.mark.parametrize(
    "written",
    [
        "requestContext.http.method=get",
        "requestContext.http.method=GET,nowhere",
        "requestContext.HTTP.method=GET",
        "headerless.case",
        "headers.x-chaos.more",
        "headers.x",
        "Headers.x-chaos",
        "multiValueHeaders.x-many=one",
        "Records.2",
        "Records.-1",
        "Records.00000000000000000000000000000000",
        "Records.eventSource",
        "Records.¹",
        "Records.0.n=true",
        "Records.1.n=1",
        "queryStringParameters.page=5.0",
        "queryStringParameters.n=",
        "a.b.c",
        "body.a",
        "qualifier",
        "invoked_function_arn=x",
        {"queryStringParameters.page": 5},
        {"Records.0.n": "5"},
        {"Records.1.n": 1},
        {"Records.0.n": {"prefix": "5"}},
        {"nowhere": None},
        {"nowhere": {"in": [None, False]}},
        {"requestContext.http": {"prefix": "{"}},
        {"version": {"exists": False}},
    ],
    ids=str,
)
def test_what_does_not(written: Any) -> None:
    assert not holds(written)


def test_the_qualifier_is_what_follows_the_name() -> None:
    assert holds("qualifier=live", arn=ARN + ":live")
    assert holds({"qualifier": "$LATEST"}, arn=ARN + ":$LATEST")
    assert not holds("qualifier=live", arn=ARN)
    assert not holds("qualifier", arn="")
    assert not holds("invoked_function_arn", arn="")


def test_a_reserved_path_is_not_looked_for_in_the_event() -> None:
    assert not holds("qualifier=mine", {"qualifier": "mine"})
    assert holds("detail.qualifier=mine", {"detail": {"qualifier": "mine"}})


@pytest.mark.parametrize("event", [[], [1], "text", 5, None, True, {}])
def test_an_event_that_is_no_object_has_no_such_paths(event: Any) -> None:
    assert not holds("a", event)
    assert not holds("a.b=1", event)
    assert not holds({"a": None}, event)
    assert holds({"a": {"exists": False}}, event)


def test_an_index_into_an_event_that_is_a_list() -> None:
    assert holds("1.a=x", [0, {"a": "x"}])


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"not json", b'{"a":1} x', b"\xff", b'{"a":"\xff"}', b"[" * 200_000, b"\x00"]
    + ['{"a":1}'.encode("utf-16"), b'{"a":' + b"9" * 5000 + b"}"],
)
def test_what_is_not_json_matches_nothing(raw: bytes) -> None:
    assert not holds("a", raw=raw)
    assert not holds({"a": {"exists": False}}, raw=raw)
    assert holds("invoked_function_arn", raw=raw), "that is not in the event"


def test_an_event_too_long_to_be_read_matches_nothing() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    assert not parse({"a": {"exists": False}}).holds(Invocation(head, head, lambda: None))
    assert not parse("a").holds(Invocation(head, head))


def test_the_event_is_read_once_and_only_where_it_decides() -> None:
    reads: list[int] = []

    def content() -> bytes:
        reads.append(1)
        return b'{"a":1}'

    head = b"HTTP/1.1 200 OK\r\nLambda-Runtime-Invoked-Function-Arn: x\r\n\r\n"
    arrived = Invocation(head, head.lower(), content)
    assert not parse("a,invoked_function_arn=other").holds(arrived)
    assert parse("invoked_function_arn=x").holds(arrived)
    assert not reads
    assert parse("a,invoked_function_arn=x").holds(arrived)
    assert parse("a=1").holds(arrived)
    assert len(reads) == 1


def test_the_first_of_two_names_that_differ_in_case() -> None:
    event = {"headers": {"X-A": 1, "x-a": 2}}
    assert holds({"headers.x-a": 2}, event), "the exact one first"
    assert holds({"headers.x-A": 1}, event)


# -- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "empty"),
        (" ", "empty"),
        (",", "empty part"),
        ("a,", "condition 2"),
        ("a..b", "empty part"),
        (".a", "empty part"),
        ("=x", "empty part"),
        ("a=1,a=2", "more than once"),
        ("a\tb", "control character"),
        ("{", "JSON"),
        ("{}", "at least one member"),
        ({}, "at least one member"),
        ([], "is not"),
        (5, "is not"),
        (None, "is not"),
        ('{"a":1,"a":2}', "more than once"),
        ('{"a":{"prefix":"x","prefix":"y"}}', "more than once"),
        ({"a": []}, "a list"),
        ({"a": {}}, "equals, prefix, regex, exists, in"),
        ({"a": {"suffix": "x"}}, "equals, prefix, regex, exists, in"),
        ({"a": {"equals": {}}}, "equals"),
        ({"a": {"equals": float("nan")}}, "equals"),
        ('{"a":NaN}', "equals"),
        ({"a": {"exists": "true"}}, "exists"),
        ({"a": {"exists": 1}}, "exists"),
        ({"a": {"prefix": 5}}, "prefix"),
        ({"a": {"prefix": ""}}, "prefix"),
        ({"a": {"prefix": "x" * 5000}}, "prefix"),
        ({"a": {"in": []}}, "in is an empty list"),
        ({"a": {"in": "abc"}}, "in is not"),
        ({"a": {"in": [[]]}}, "in is not"),
        ({"a": {"in": list(range(100))}}, "more than 64"),
        ({"a": {"regex": 5}}, "regex"),
        ({"a" * 600: 1}, "512 characters"),
        ({".".join("a" * 40): 1}, "32 parts"),
        ({f"a{n}": 1 for n in range(65)}, "64 conditions"),
        (",".join(f"a{n}" for n in range(65)), "64 conditions"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_refused(written: Any, said: str) -> None:
    assert said in refusal(written)


def test_a_mistake_names_its_condition_and_repeats_nothing() -> None:
    message = refusal({"fine": 1, "hunter2": {"hunter3": "hunter4"}})
    assert "condition 2" in message
    assert "hunter" not in message


def test_regular_expressions_are_searched_for_and_bounded() -> None:
    pytest.importorskip("faultlayer.events.regex")
    assert holds({"requestContext.http.path": {"regex": "^/orders/[0-9]+$"}})
    assert holds({"requestContext.http.path": {"regex": "orders"}})
    assert not holds({"requestContext.http.path": {"regex": "^orders"}})
    assert not holds({"Records.0.n": {"regex": "5"}}), "a number is no text"
    assert holds({"a": {"regex": "x"}}, {"a": "x" * match.LONGEST_TEXT})
    assert not holds({"a": {"regex": "x"}}, {"a": "x" * (match.LONGEST_TEXT + 1)})
    assert "regex" in refusal({"a": {"regex": "("}})


# -- whatever is written, whatever arrives ----------------------------------------------------

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6),
)
KEYS = st.text("ab.\\,=- é0", min_size=1, max_size=4)
EVENTS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)


def escaped(key: str) -> str:
    return key.replace("\\", "\\\\").replace(".", "\\.").replace(",", "\\,").replace("=", "\\=")


def leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in leaves(inner, (*path, key))]
    if isinstance(value, list):
        return [leaf for at, inner in enumerate(value) for leaf in leaves(inner, (*path, str(at)))]
    return [(path, value)] if path else []


@given(EVENTS, st.data())
def test_every_leaf_can_be_named_and_equals_itself(event: Any, data: st.DataObject) -> None:
    found = leaves(event)
    assume(found)
    path, value = data.draw(st.sampled_from(found))
    written = ".".join(map(escaped, path))
    assert look(event, path) is value
    assert holds({written: value}, event)
    assert holds({written: {"in": [value]}}, event)
    assert holds({written: {"exists": True}}, event)
    assert not holds({written: {"exists": False}}, event)
    assert not holds({written + ".x": {"exists": True}}, event)
    if written.isprintable() and written == written.strip() and not written.startswith("{"):
        assert holds(written, event)


def test_a_path_written_in_two_ways_is_one() -> None:
    assert "more than once" in refusal({"a\\,b": 1, "a,b": 1})


@given(st.dictionaries(KEYS, SCALARS, min_size=1, max_size=4))
def test_a_match_is_shown_as_it_reads(given: dict[str, Any]) -> None:
    spec = {escaped(key): value for key, value in given.items()}
    once = parse(spec)
    again = parse(once.show())
    assert [(c.path, c.expected) for c in again.conditions] == [
        (c.path, c.expected) for c in once.conditions
    ]
    assert parse(again.show()).show() == once.show()


@given(st.text(max_size=30))
@example("a=5")
@example("a=\\")
def test_any_text_is_a_match_or_refused(text: str) -> None:
    try:
        found: Match = Matching().parse(text)
    except ValueError:
        return
    assert found.conditions
    assert parse(found.show()).show() == found.show()
    found.holds(invocation(HTTP))


@given(SCALARS, SCALARS)
def test_equal_is_what_json_calls_equal(one: Any, other: Any) -> None:
    as_json = json.loads(json.dumps(one)), json.loads(json.dumps(other))
    kinds = [isinstance(value, bool) or type(value) for value in as_json]
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in as_json)
    expected = as_json[0] == as_json[1] and (numbers or kinds[0] == kinds[1])
    assert match.same(*as_json) == expected


def test_nothing_is_missing_alone() -> None:
    assert look({}, ("a",)) is MISSING
    assert look({"a": None}, ("a",)) is None


# -- compared as text -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "text"),
    [("a", "a"), (5, "5"), (5.0, "5"), (0.25, "0.25"), (1e-7, "0.0000001"), (True, "true")],
)
def test_as_text_numbers_and_booleans_are_what_json_spells(found: Any, text: str) -> None:
    for operators in ({"equals": text}, {"prefix": text}, {"regex": "^" + text[0]}, {"in": [text]}):
        assert holds({"a": {**operators, "as": "text"}}, {"a": found})
        assert holds({"a": operators}, {"a": found}) == isinstance(found, str)
    assert not holds({"a": {"equals": text + "x", "as": "text"}}, {"a": found})


def test_as_text_null_is_nothing_and_containers_are_no_text() -> None:
    for event in ({"a": None}, {}):
        assert not holds({"a": {"exists": True, "as": "text"}}, event)
        assert not holds({"a": {"equals": "null", "as": "text"}}, event)
        assert holds({"a": {"exists": False, "as": "text"}}, event)
    for container in ([], {}, ["a"]):
        assert holds({"a": {"exists": True, "as": "text"}}, {"a": container})
        assert not holds({"a": {"prefix": "[", "as": "text"}}, {"a": container})


def test_as_is_no_operator_and_means_text_alone() -> None:
    assert "has an operator that is none of" in refusal({"a": {"as": "text"}})
    for wrong in ("json", None, [], 5):
        assert "as is not text" in refusal({"a": {"equals": "5", "as": wrong}})
    written = {"a": {"equals": "5", "as": "text"}}
    assert json.loads(parse(written).show()) == written
