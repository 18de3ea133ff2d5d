"""Entries of HOSTS without effect, named by every judging command."""

from __future__ import annotations

import json

import pytest

from faultlayer_cli.plans.doubts import doubts
from faultlayer_cli.plans.variables import Variables


def of_hosts(hosts: str, fault: str = "CONNECT", how: str = "refuse", **more: str) -> list[str]:
    given = {f"FAULTLAYER_{fault}": how, f"FAULTLAYER_{fault}_HOSTS": hosts, **more}
    variables = Variables(given)
    assert not variables.problems, variables.problems[0].message
    return doubts(variables.configuration)


def test_a_lookup_is_of_names() -> None:
    assert of_hosts("10.0.0.0/8,db.test,!192.0.2.1", "DNS", "nxdomain") == [
        "FAULTLAYER_DNS_HOSTS has no use for 10.0.0.0/8: a lookup is of a name; allowed: names",
        "FAULTLAYER_DNS_HOSTS has no use for !192.0.2.1: a lookup is of a name; allowed: names",
    ]
    assert of_hosts("db.test:1,!*.a.test:5432", "DNS", "nxdomain") == [
        "FAULTLAYER_DNS_HOSTS has no use for !*.a.test:5432: a lookup has no port; "
        "allowed: !*.a.test"
    ]
    assert not of_hosts("10.0.0.0/8,db.test,!192.0.2.1:443")


@pytest.mark.parametrize(
    ("hosts", "entry"),
    [
        ("db.test,!*.test", "db.test"),
        ("db.test:5432,!db.test", "db.test:5432"),
        ("192.0.2.1,!192.0.2.0/24", "192.0.2.1"),
        ("a.test,!/test$/", "a.test"),
    ],
)
def test_an_entry_that_another_excludes(hosts: str, entry: str) -> None:
    assert of_hosts(hosts) == [
        f"FAULTLAYER_CONNECT_HOSTS has no use for {entry}: another entry excludes it"
    ]


@pytest.mark.parametrize(
    "hosts",
    [
        "*",
        "db.test,!db.test:5432",
        "*.test,!a.test",
        "!a.test",
        "10.0.0.0/8,!10.0.0.1",
        "192.0.2.1,!/^192/",
    ],
)
def test_what_may_be_hit_is_no_doubt(hosts: str) -> None:
    assert not of_hosts(hosts)


def test_all_hosts_excluded() -> None:
    (line,) = of_hosts("!*")
    assert line == "FAULTLAYER_CONNECT_HOSTS excludes all hosts by !*, so nothing can be hit"


def test_loopback_is_out_of_reach_by_proxy() -> None:
    assert not of_hosts("localhost")
    (line,) = of_hosts("127.0.0.1,db.test", FAULTLAYER_REDIRECT="proxy")
    assert line.startswith("FAULTLAYER_CONNECT_HOSTS has no use for 127.0.0.1: with FAULTLAYER_RED")


def test_a_rule_of_a_plan_is_named_by_its_place() -> None:
    rules = [
        {"fault": "latency", "delay": "1s"},
        {"fault": "dns", "error": "nxdomain", "hosts": ["::1"]},
    ]
    found = doubts(Variables({"FAULTLAYER_PLAN": json.dumps({"faults": rules})}).configuration)
    assert found == [
        "FAULTLAYER_PLAN faults[1].hosts has no use for ::1: a lookup is of a name; allowed: names"
    ]
