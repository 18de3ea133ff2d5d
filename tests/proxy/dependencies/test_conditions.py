"""Conditions in force: begun, ended, found by host."""

from __future__ import annotations

from typing import Any

from faultlayer.dependencies import conditions
from faultlayer.dependencies.conditions import InForce, overtaken
from faultlayer.values.hosts import HostList
from faultlayer.vocabulary.disturbances import (
    BadHandshake,
    Cut,
    Disturbance,
    Late,
    Slow,
    Unreachable,
    Unresolved,
)
from proxy.dependencies.redirected import Injected


def injected(hosts: str, disturbance: Disturbance | None = None) -> Any:
    return Injected(disturbance or Late(1), HostList().parse(hosts))


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


ADDRESS = bytes((192, 0, 2, 1))


def in_force_of_all() -> InForce:
    """A condition of each kind for a.test, in the faults' order."""
    in_force = InForce(lambda: None)
    in_force.changed = lambda: in_force.applied(in_force.waiting())
    kinds = (
        Unresolved("nxdomain"),
        Unreachable(silent=False),
        Late(1),
        Slow(1024),
        Cut(100),
        BadHandshake(garbage=False),
    )
    in_force.begin([injected("a.test", kind) for kind in kinds])
    return in_force


def reasons(in_force: InForce, otherwise: str = conditions.UNTOUCHED) -> list[str]:
    return [condition.why_untouched(otherwise) for condition in in_force.conditions]


def test_without_any_connection_the_reason_is_that() -> None:
    in_force = in_force_of_all()
    assert reasons(in_force) == [conditions.NO_LOOKUP] + [conditions.UNTOUCHED] * 5
    assert set(reasons(in_force, "by proxy")) == {"by proxy"}


def test_what_met_a_connection_says_why_that_was_not_touched() -> None:
    in_force = in_force_of_all()
    for condition in in_force.conditions:
        condition.met = True
    assert reasons(in_force)[2] == conditions.NO_ANSWER
    assert reasons(in_force)[4:] == [conditions.TOO_SHORT, conditions.NO_HANDSHAKE]


def test_a_connection_past_the_layer_is_a_reason_for_its_host_alone() -> None:
    in_force = in_force_of_all()
    in_force.went_direct("b.test", ADDRESS, 443)
    assert conditions.DIRECT not in reasons(in_force)
    in_force.went_direct("a.test", ADDRESS, 443)
    assert reasons(in_force) == [conditions.NO_LOOKUP] + [conditions.DIRECT] * 5


def test_a_connection_to_loopback_is_a_reason_but_not_for_a_lookup() -> None:
    in_force = in_force_of_all()
    in_force.left_local()
    assert reasons(in_force) == [conditions.NO_LOOKUP] + [conditions.ONLY_LOCAL] * 5


def test_those_that_came_after_another_say_so() -> None:
    in_force = in_force_of_all()
    found = in_force.of("a.test", ADDRESS, 443)
    overtaken(found, found[1])
    assert reasons(in_force).count(conditions.OVERTAKEN) == 5
    assert reasons(in_force)[1] == conditions.UNTOUCHED
