"""Other tools' documents and variables, as their own pages have them: what each says here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faultlayer.faults import all_faults
from faultlayer.settings.variables import read_environment
from faultlayer.values.hosts import HostList
from faultlayer.vocabulary.invocation import Invocation
from faultlayer.vocabulary.registry import Equivalent
from unit.settings.dialects_read import DELAY, one, read, rules, wrong

# The README of failure-lambda 1.x, "Create the SSM parameter"; all flags are off.
CREATED = """{
  "latency": {"enabled": false, "min_latency": 100, "max_latency": 400},
  "exception": {"enabled": false, "exception_msg": "Exception message!"},
  "statuscode": {"enabled": false, "status_code": 404},
  "diskspace": {"enabled": false, "disk_space": 100},
  "denylist": {"enabled": false, "deny_list": ["s3.*.amazonaws.com", "dynamodb.*.amazonaws.com"]},
  "timeout": {"enabled": false, "timeout_buffer_ms": 500},
  "corruption": {"enabled": false, "body": "{\\"error\\": \\"corrupted\\"}"}
}"""
# "Configuration", each flag switched on.
CONFIGURED = """{
  "latency": { "enabled": true, "percentage": 100, "min_latency": 100, "max_latency": 400 },
  "exception": { "enabled": true, "percentage": 100, "exception_msg": "Exception message!" },
  "statuscode": { "enabled": true, "percentage": 100, "status_code": 404 },
  "denylist": { "enabled": true, "percentage": 50, "deny_list": ["s3.*.amazonaws.com"] },
  "timeout": { "enabled": true, "percentage": 100, "timeout_buffer_ms": 500 },
  "corruption": { "enabled": true, "percentage": 30, "body": "{\\"error\\": \\"corrupted\\"}" }
}"""
# "Event-Based Targeting" and "Match Operators".
TARGETED = """{
  "corruption": {
    "enabled": true,
    "percentage": 30,
    "body": "{\\"error\\": \\"corrupted\\"}",
    "match": [
      { "path": "requestContext.http.method", "value": "GET" },
      { "path": "requestContext.stage", "value": "prod" }
    ]
  },
  "latency": {
    "enabled": true,
    "percentage": 100,
    "min_latency": 200,
    "max_latency": 500,
    "match": [
      { "path": "requestContext.http.path", "operator": "startsWith", "value": "/api" },
      { "path": "headers.x-debug", "operator": "exists" },
      { "path": "requestContext.http.method", "operator": "regex", "value": "^(GET|HEAD)$" }
    ]
  }
}"""

# -- the documents of failure-lambda's own pages ----------------------------------------------


def test_flags_that_are_off_say_nothing() -> None:
    found = read(CREATED)
    assert (found.problems, found.drafts, found.stopped) == ([], [], False)


def test_flags_that_are_on_are_rules() -> None:
    found = read(CONFIGURED)
    assert not found.problems
    assert rules(found) == {
        "latency": {"delay": (0.1, 0.4), "when": "before", "rate": 1.0},
        "exception": {
            "message": ("FailureLambdaException", "Exception message!"),
            "when": "before",
            "rate": 1.0,
        },
        "status": {
            "code": 404,
            "when": "before",
            "headers": {"Content-Type": "application/json"},
            "body": '{"message":"Injected status code 404"}',
            "sources": "callers",
            "rate": 1.0,
        },
        "timeout": {"margin": 0.5, "rate": 1.0},
        "dns": {
            "error": "nxdomain",
            "hosts": HostList().parse(["/s3.*.amazonaws.com/"]),
            "rate": 0.5,
        },
        "corruption": {
            "mode": "replace",
            "body": '{"error": "corrupted"}',
            "scope": "body",
            "sources": "callers",
            "rate": 0.3,
        },
    }


def test_a_denylist_is_expressions_found_anywhere_in_a_name() -> None:
    hosts = one("denylist", deny_list=["s3.*.amazonaws.com", "^db-[0-9]{1,3}$"])["hosts"]
    for name, denied in {
        "s3.eu-west-1.amazonaws.com": True,
        "mybucket.s3.amazonaws.com.cn": True,
        "db-12": True,
        "xdb-12": False,
        "dynamodb.amazonaws.com": False,
    }.items():
        assert hosts.matches(name, None, 0) is denied, name


@pytest.mark.parametrize(
    ("flag", "field", "message"),
    [
        ({}, "denylist.deny_list", "is empty"),
        ({"deny_list": []}, "denylist.deny_list", "is empty"),
        ({"deny_list": "s3"}, "denylist.deny_list", "is not a list of hosts"),
        ({"deny_list": {"s3": 1}}, "denylist.deny_list", "is not a list of hosts"),
        ({"deny_list": ["s3", 5]}, "denylist.deny_list", "is not a list of hosts"),
        ({"deny_list": ["s3", "("]}, "denylist.deny_list", "is wrong in entry 2"),
        ({"deny_list": ["s3", ""]}, "denylist.deny_list", "is wrong in entry 2"),
        ({"deny_list": ["a"] * 65}, "denylist.deny_list", "has more than 64 entries"),
    ],
)
def test_a_wrong_denylist_is_off_with_one_line(flag: Any, field: str, message: str) -> None:
    ((found, said),) = wrong({"denylist": {"enabled": True, **flag}})
    assert found == field
    assert said.startswith(f"{field} {message}")
    assert said.endswith("; allowed: a list of regular expressions")


def test_disk_space_is_in_megabytes() -> None:
    assert one("diskspace", disk_space=250) == {"amount": (False, 250 << 20)}
    assert one("diskspace") == {"amount": (False, 100 << 20)}, "as there"
    ((field, said),) = wrong({"diskspace": {"enabled": True, "disk_space": 10241}})
    assert field == "diskspace.disk_space"
    assert said.endswith("; allowed: megabytes from 1 to 10240")
    for wrong_size in (0, -1, "1GB", True, None, [], 10240.5):
        flag = {"enabled": True, "disk_space": wrong_size}
        assert [field for field, _ in wrong({"diskspace": flag})] == ["diskspace.disk_space"]


def test_the_targeted_flags_of_the_page() -> None:
    found = rules(read(TARGETED))
    assert json.loads(found["corruption"]["match"].show()) == {
        "requestContext.http.method": {"as": "text", "equals": "GET"},
        "requestContext.stage": {"as": "text", "equals": "prod"},
    }
    assert json.loads(found["latency"]["match"].show()) == {
        "requestContext.http.path": {"as": "text", "prefix": "/api"},
        "headers.x-debug": {"as": "text", "exists": True},
        "requestContext.http.method": {"as": "text", "regex": "^(GET|HEAD)$"},
    }


def test_the_format_before_1_0_is_refused_as_there() -> None:
    old = '{"isEnabled": true, "failureMode": "latency", "rate": 1, "minLatency": 100}'
    (problem,) = read(old).problems
    assert problem.field == "failureMode"
    assert problem.said() == (
        "failureMode is of failure-lambda before 1.0; allowed: its flags as of 1.0, or a plan; "
        "nothing is injected"
    )


def test_the_minimal_flag_of_the_page() -> None:
    values = one("latency", min_latency=200, max_latency=500)
    assert values == {"delay": (0.2, 0.5), "when": "before"}
    settings = read_environment(
        {"FAULTLAYER_PLAN": '{"latency": {"enabled": true, "min_latency": 200}}'}
    )
    assert settings.chooser is not None
    assert settings.chooser.rules[0].rate == 1.0


# -- each attribute ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "delay"),
    [
        ({}, (0, 0)),
        ({"min_latency": 250}, (0.25, 0.25)),
        ({"max_latency": 400}, (0, 0.4)),
        ({"min_latency": 0.5, "max_latency": 1500.25}, (0.0005, 1.50025)),
        ({"min_latency": 100.0, "max_latency": 400.0}, (0.1, 0.4)),
    ],
    ids=str,
)
def test_latencies_are_milliseconds_and_nothing_where_unset(
    attributes: dict[str, float], delay: tuple[float, float]
) -> None:
    assert one("latency", **attributes)["delay"] == delay


def test_what_is_unset_is_what_it_is_there() -> None:
    assert one("timeout")["margin"] == 0
    assert one("statuscode")["code"] == 500
    assert one("exception")["message"] == ("FailureLambdaException", "Injected exception")
    assert one("corruption")["mode"] == "truncate"


def test_a_message_with_a_colon_names_no_type() -> None:
    message = ("FailureLambdaException", "ValueError: no such order")
    assert one("exception", exception_msg="ValueError: no such order")["message"] == message
    assert one("exception", exception_msg="")["message"] == ("FailureLambdaException", "")


@given(st.integers(0, 100))
def test_percentages_are_rates(percentage: int) -> None:
    for spelled in (percentage, float(percentage)):
        assert one("timeout", percentage=spelled)["rate"] == percentage / 100


@pytest.mark.parametrize(
    ("flag", "attributes", "field", "said"),
    [
        ("latency", {"min_latency": 5, "max_latency": 4}, "min_latency/max_latency", "start is ab"),
        ("latency", {"min_latency": -5}, "min_latency", "milliseconds up to 15 minutes"),
        ("latency", {"max_latency": 900_001}, "max_latency", "longer than 15m"),
        ("latency", {"min_latency": None}, "min_latency", "milliseconds"),
        ("latency", {"min_latency": [1]}, "min_latency", "milliseconds"),
        ("latency", {"percentage": 150}, "percentage", "a percentage from 0 to 100"),
        ("latency", {"percentage": -1}, "percentage", "a percentage from 0 to 100"),
        ("latency", {"percentage": "20%"}, "percentage", "a percentage from 0 to 100"),
        ("latency", {"percentage": True}, "percentage", "a percentage from 0 to 100"),
        ("latency", {"percentage": None}, "percentage", "a percentage from 0 to 100"),
        ("exception", {"exception_msg": 5}, "exception_msg", "is not text; allowed: text up to"),
        ("exception", {"exception_msg": "x" * 5000}, "exception_msg", "allowed: text up to 4096"),
        ("statuscode", {"status_code": 999}, "status_code", "outside 100 to 599"),
        ("statuscode", {"status_code": 404.5}, "status_code", "a whole number from 100"),
        ("timeout", {"timeout_buffer_ms": -1}, "timeout_buffer_ms", "milliseconds up to"),
        ("corruption", {"body": 5}, "body", "is not text; allowed: any text"),
        ("latency", {"match": {}}, "match", "is not a list; allowed: a list of objects"),
        ("latency", {"match": [5]}, "match", "condition 1: it is not an object"),
        ("latency", {"match": [{"path": ""}]}, "match", "condition 1: it has no path"),
        ("latency", {"match": [{"path": "a..b", "value": ""}]}, "match", "an empty part; allowed"),
        ("latency", {"match": [{"path": "a"}]}, "match", "a value that is not text"),
        ("latency", {"match": [{"path": "a", "value": 5}]}, "match", "a value that is not text"),
        (
            "latency",
            {"match": [{"path": "a", "value": "b", "operator": "endsWith"}]},
            "match",
            "an operator that is not known; allowed: a list of objects of path, operator",
        ),
        (
            "latency",
            {"match": [{"path": "a", "value": "(", "operator": "regex"}]},
            "match",
            "allowed: a list of objects of path",
        ),
        (
            "latency",
            {"match": [{"path": "a", "value": "b"}, {"path": "a", "value": "c"}]},
            "match",
            "condition 2: it compares the same path as another",
        ),
    ],
    ids=str,
)
def test_a_wrong_attribute_turns_its_flag_off_by_the_name_it_has_there(
    flag: str, attributes: dict[str, Any], field: str, said: str
) -> None:
    document = {flag: {"enabled": True, **attributes}, "timeout": {"enabled": True}}
    document.setdefault(flag, {})
    if flag == "timeout":
        document = {flag: {"enabled": True, **attributes}, "statuscode": {"enabled": True}}
    problems = wrong(document)
    assert problems[0][0] == f"{flag}.{field}"
    assert said in problems[0][1]
    assert len(rules(read(document))) == 1


def test_an_attribute_that_means_nothing_there_means_nothing_here_and_is_said() -> None:
    document = {"latency": {"enabled": True, "min_latency": 5, "rate": 0.1, "_variant": "a"}}
    ((field, said),) = wrong(document)
    assert field == "latency.rate"
    assert (
        "has no effect here, nor in that tool; allowed: min_latency, max_latency, percentage"
        in said
    )
    assert rules(read(document))["latency"]["delay"] == (0.005, 0.005)


def test_flags_in_our_own_words_may_stand_beside_theirs() -> None:
    found = read(
        {
            "latency": {"enabled": True, "delay": "1s"},
            "slow": {"enabled": True, "fault": "latency", "delay": "2s"},
            "statuscode": {"enabled": True, "status_code": 503},
            "headers": {"enabled": True, "headers": {"a": None}},
        }
    )
    assert not found.problems
    assert [fault.name for fault, _ in found.drafts] == ["latency", "latency", "status", "headers"]


def test_an_unknown_flag_is_refused_where_it_is_on() -> None:
    assert wrong({"latnecy": {"enabled": False}, "latency": {"enabled": False}}) == []
    ((field, said),) = wrong({"latnecy": {"enabled": True}, "latency": {"enabled": False}})
    assert field == "latnecy"
    allowed = "corruption, denylist, diskspace, exception, latency, statuscode, timeout"
    assert f"did you mean latency?; allowed: {allowed}" in said
    ((field, said),) = wrong({DELAY: {"enabled": True}})
    assert (field, "this version has no fault" in said) == (DELAY, True)
    ((field, _),) = wrong({"headers": {"enabled": True}})
    assert field == "headers.headers"


def test_thousands_of_unknown_flags_take_no_time() -> None:
    found = read({f"{'x' * 50}{number}": {"enabled": True} for number in range(250)})
    assert len(found.problems) == 250


# -- whom a match hits ------------------------------------------------------------------------


def hits(conditions: list[dict[str, Any]], event: Any) -> bool:
    match = one("timeout", match=conditions).get("match")
    if match is None:
        return True
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    result: bool = match.holds(Invocation(head, head, lambda: json.dumps(event).encode()))
    return result


@pytest.mark.parametrize(
    ("condition", "hit", "missed"),
    [
        ({"value": "GET"}, ["GET"], ["get", "GETS", None, ["GET"]]),
        ({"value": "5", "operator": "eq"}, ["5", 5, 5.0], ["5.0", 55, True]),
        ({"value": "true"}, ["true", True], [False, 1, "True"]),
        ({"value": ""}, [""], [None, 0, False]),
        ({"operator": "exists"}, ["", 0, False, [], {}, "x"], [None]),
        ({"operator": "startsWith", "value": "/api"}, ["/api", "/api/v1"], ["/ap", "x/api", None]),
        ({"operator": "startsWith", "value": "5"}, [5, 503, "5x"], [0.5, None]),
        ({"operator": "startsWith", "value": ""}, ["", "x", 0], [None]),
        ({"operator": "regex", "value": "^(GET|HEAD)$"}, ["GET", "HEAD"], ["GETS", None]),
        ({"operator": "regex", "value": r"^5\d\d$"}, ["503", 503], [404, "5033"]),
        ({"operator": "regex", "value": ""}, ["", "x"], [None]),
    ],
    ids=str,
)
def test_operators_judge_as_they_do_there(
    condition: dict[str, Any], hit: list[Any], missed: list[Any]
) -> None:
    for value in hit:
        assert hits([{"path": "a.b", **condition}], {"a": {"b": value}}), value
    for value in missed:
        assert not hits([{"path": "a.b", **condition}], {"a": {"b": value}}), value
    assert not hits([{"path": "a.b", **condition}], {"a": {}})
    assert not hits([{"path": "a.b", **condition}], None)


def test_all_conditions_must_hold_several_of_a_path_too() -> None:
    conditions = [
        {"path": "p", "operator": "startsWith", "value": "/api"},
        {"path": "p", "operator": "regex", "value": "orders$"},
        {"path": "p", "operator": "exists"},
        {"path": "m", "value": "GET"},
        {"path": "m", "value": "GET"},
    ]
    assert hits(conditions, {"p": "/api/orders", "m": "GET"})
    assert not hits(conditions, {"p": "/api/items", "m": "GET"})
    assert not hits(conditions, {"p": "/api/orders", "m": "PUT"})
    assert hits([], {"any": "event"})


def test_a_backslash_in_a_path_is_a_character() -> None:
    assert hits([{"path": "a\\.b", "value": "x"}], {"a\\": {"b": "x"}})
    assert not hits([{"path": "a\\.b", "value": "x"}], {"a.b": "x"})


# -- any document -----------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
FLAGS = [peer for fault in all_faults() for peer in fault.equivalents]
NAMES = st.sampled_from([peer.name for peer in FLAGS])
ATTRIBUTES = st.sampled_from(
    ["percentage", "match", *(name for peer in FLAGS for name in peer.options)]
)
CONDITION = st.fixed_dictionaries(
    {},
    optional={
        "path": st.sampled_from(["a", "a.b", "", ".", "\\"]) | JSON,
        "operator": st.sampled_from(["eq", "exists", "startsWith", "regex"]) | JSON,
        "value": st.sampled_from(["", "(", "a*", "5"]) | JSON,
    },
)
FLAG = st.builds(
    lambda enabled, attributes: {"enabled": enabled, **attributes},
    st.just(True) | JSON,
    st.dictionaries(ATTRIBUTES, JSON | st.lists(CONDITION, max_size=4), max_size=4),
)


@given(st.dictionaries(NAMES | st.text(max_size=6), FLAG, max_size=4))
@example({"latency": {"enabled": True, "min_latency": 1e308, "percentage": 1e308}})
@example({"statuscode": {"enabled": True, "status_code": "\udc80"}})
def test_no_document_raises_and_each_flag_is_a_rule_or_a_problem(document: Any) -> None:
    found = read(document)
    on = [name for name, flag in document.items() if flag["enabled"] is True]
    for _, values in found.drafts:
        assert values is None or 0 <= (1 if values["rate"] is None else values["rate"]) <= 1
    if not found.stopped and "faultlayer" not in document:
        ruled = [draft for draft in found.drafts if draft[1] is not None]
        assert len(ruled) <= len(on)
        assert len(ruled) + len(found.problems) >= len(on)
    for problem in found.problems:
        assert "allowed" in problem.said() or "neither" in problem.said() or problem.limiting


# -- the faults' own tables -------------------------------------------------------------------


def test_no_two_faults_stand_in_for_the_same() -> None:
    switches = [peer.name for peer in FLAGS]
    assert len(set(switches)) == len(switches)


@pytest.mark.parametrize("peer", FLAGS, ids=lambda peer: peer.name)
def test_a_peer_s_defaults_are_a_rule(peer: Equivalent) -> None:
    (fault,) = (fault for fault in all_faults() if peer in fault.equivalents)
    needed = {"deny_list": ["x"]} if "deny_list" in peer.options else {}
    found = read({"faults": [{"fault": fault.name, **peer.rule(needed)}]})
    assert not found.problems
    named = {option for option, _ in peer.options.values()}
    assert named <= {option.name for option in fault.variables().values()}
