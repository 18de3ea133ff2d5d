"""Conditions in force: begun, ended, found by host."""

from __future__ import annotations

from typing import Any

from faultlayer.dependencies.conditions import InForce
from faultlayer.values.hosts import HostList
from faultlayer.vocabulary.disturbances import Late
from proxy.dependencies.redirected import Injected


def injected(hosts: str) -> Any:
    return Injected(Late(1), HostList().parse(hosts))


def test_those_of_several_invocations_are_in_force_together() -> None:
    in_force = InForce(lambda: None)
    one, other = injected("a.test"), injected("*.test")
    in_force.changed = lambda: in_force.applied(in_force.waiting())
    in_force.begin([one])
    in_force.begin([other])
    assert [each.injection for each in in_force.of("a.test", None, 0)] == [one, other]
    assert [each.injection for each in in_force.of("b.test", None, 0)] == [other]
    in_force.end([one])
    assert [each.injection for each in in_force.of("a.test", None, 0)] == [other]


def test_an_event_waits_for_the_loop_but_not_for_long() -> None:
    in_force = InForce(lambda: None)
    in_force.begin([injected("a.test")])  # the loop never sees it
    assert in_force.version == 1


def test_it_is_logged_at_the_first_connection_alone() -> None:
    in_force = InForce(lambda: None)
    one = injected("a.test")
    in_force.begin([one])
    (condition,) = in_force.conditions
    condition.touched("a.test", 443)
    condition.touched("a.test", 80)
    assert one.told == [{"host": "a.test", "port": 443}]


def test_who_comes_while_the_loop_looks_waits_for_its_next_look() -> None:
    in_force = InForce(lambda: None)
    looks = []

    def look() -> None:
        waiting = in_force.waiting()
        if not looks:
            looks.append(len(waiting))
            in_force.changed = lambda: None  # the loop is busy
            in_force.begin([injected("b.test")])  # in vain
            assert len(in_force.waiting()) == 1, "nobody has seen it"
        in_force.applied(waiting)

    in_force.changed = look
    in_force.begin([injected("a.test")])
    assert looks == [1]
