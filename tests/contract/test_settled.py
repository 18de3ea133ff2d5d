"""Each injection of each fault is settled once, however the invocation ends, and counted rightly.

The fixture `settled` looks at each injection. Here the limit is looked at, too: it has counted what
the log says was injected, and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from failing import EVENT, Lines, api, every_fault, lines, variables_of

from fakes.proxied import Address, soon, start, started
from fakes.runtime import NEXT, Runtime, echo, posted
from fakes.runtime_api import RuntimeApi
from fakes.settled import Injections
from fakes.turns import PAYLOAD, near
from faultlayer.acting import crash, delays, pending
from faultlayer.proxy import Proxy
from faultlayer.targeting.choose import Chooser
from faultlayer.targeting.rules import Rule
from faultlayer.vocabulary.registry import PREFIX, Fault

__all__ = ["api", "lines"]  # fixtures

MAIN = {"disk": "1MB", "latency": "30ms", "memory": "1MB", "oversize": "1KB", "timeout": "200ms"}
MOST = 5


def way(fault: Fault) -> dict[str, str]:
    """Its options, after the function if it may be."""
    after = {"when": "after"} if any(option.name == "when" for option in fault.options) else {}
    main = MAIN.get(fault.name, fault.main.kind.example)
    return {fault.main.name: main, "max": str(MOST), **after}


def answers(api: RuntimeApi, address: Address) -> None:
    with Runtime(address) as runtime:
        api.invoke(EVENT, deadline_ms=near(0.6))
        runtime.wire.send(NEXT)
        event = runtime.wire.response()
        while True:  # it may get the event again
            runtime.respond(event, PAYLOAD)
            if all(given.done.is_set() for given in api.given.values()):
                return
            runtime.wire.send(NEXT)
            event = runtime.wire.response()


def reports_an_error(api: RuntimeApi, address: Address) -> None:
    with Runtime(address) as runtime:
        api.invoke(EVENT, deadline_ms=near(0.6))
        runtime.fail(runtime.next())


def leaves_with_the_event(api: RuntimeApi, address: Address) -> None:
    with Runtime(address) as runtime:
        api.invoke(EVENT, deadline_ms=near(0.6))
        runtime.next()


def leaves_while_it_waits(api: RuntimeApi, address: Address) -> None:
    with Runtime(address) as runtime:
        api.invoke(EVENT, deadline_ms=near(0.6))
        runtime.wire.send(NEXT)
        assert soon(lambda: api.given)


def leaves_in_its_result(api: RuntimeApi, address: Address) -> None:
    with Runtime(address) as runtime:
        api.invoke(EVENT, deadline_ms=near(0.6))
        event = runtime.next()
        whole = posted(runtime.id_of(event), "response", echo(event), PAYLOAD)
        runtime.wire.send(whole[:-5])


ENDINGS = [
    answers,
    reports_an_error,
    leaves_with_the_event,
    leaves_while_it_waits,
    leaves_in_its_result,
]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (crash, delays, pending):
        monkeypatch.setattr(module, "GRACE", 0.1)
    monkeypatch.setattr("faultlayer.targeting.injection._logged", set())


def counted_as_told(lines: Lines, injections: Injections) -> list[dict[str, Any]]:
    """The lines; as many say that a fault was injected as the limits have counted."""
    proxy = started[-1]

    def over() -> bool:
        proxy.end()
        return not injections.open()

    told: list[dict[str, Any]] = []

    def agree() -> bool:
        if not over():
            return False
        time.sleep(0.1)  # a line comes right after its injection is settled; reading loses what is
        told.extend(lines())  # written meanwhile
        return all(counted(rule) == happened(rule.fault.name, told) for rule in rules_of(proxy))

    assert soon(agree), told
    return told


def rules_of(proxy: Proxy) -> list[Rule]:
    assert isinstance(proxy.chooser, Chooser)
    return proxy.chooser.rules


def counted(rule: Rule) -> int:
    assert rule.limit is not None
    return MOST - rule.limit.remaining


def happened(name: str, told: list[dict[str, Any]]) -> int:
    """How often the log says so."""
    events = [line["event"] for line in told if line.get("fault") == name]
    return events.count("fault_injected") + events.count("fault_dry_run")


@every_fault
@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.__name__)
def test_however_the_runtime_ends_it(
    api: RuntimeApi,
    lines: Lines,
    injections: Injections,
    fault: Fault,
    ending: Callable[[RuntimeApi, Address], None],
) -> None:
    ending(api, start(api.address, variables_of(fault, way(fault))))
    counted_as_told(lines, injections)
    assert injections.made or ending is leaves_while_it_waits, "then it may be too early"


@every_fault
def test_if_lambda_s_side_leaves(lines: Lines, injections: Injections, fault: Fault) -> None:
    with RuntimeApi() as api:
        runtime = Runtime(start(api.address, variables_of(fault, way(fault))))
        api.invoke(EVENT, deadline_ms=near(0.6))
        event = runtime.next()
    with runtime:
        runtime.wire.send(posted(runtime.id_of(event), "response", echo(event), PAYLOAD))
        counted_as_told(lines, injections)


@every_fault
def test_if_lambda_ends_it_the_next_poll_does(
    api: RuntimeApi, injections: Injections, fault: Fault
) -> None:
    """As in an environment that serves several invocations at once, and lives on."""
    address = start(api.address, variables_of(fault, way(fault)))
    leaves_with_the_event(api, address)
    time.sleep(0.8)
    with Runtime(address) as runtime:
        runtime.wire.send(NEXT)
        assert soon(lambda: not injections.open(), 5)


@every_fault
@pytest.mark.parametrize("dry", ["false", "true"])
def test_at_a_rate(
    api: RuntimeApi, lines: Lines, injections: Injections, fault: Fault, dry: str
) -> None:
    given = {"FAULTLAYER_RATE": "50%", "FAULTLAYER_SEED": "7", "FAULTLAYER_DRY_RUN": dry}
    address = start(api.address, {**variables_of(fault, way(fault)), **given})
    for _ in range(4):
        answers(api, address)
    told = counted_as_told(lines, injections)
    unexpected = "fault_injected" if dry == "true" else "fault_dry_run"
    assert unexpected not in [line["event"] for line in told]


ALL_AT_ONCE = {
    "LATENCY": "20ms",
    "LATENCY_WHEN": "after",
    "DISK": "1MB",
    "CRASH": "during",
    "EVENT": '{"a":1}',
    "DUPLICATE": "2",
    "EXCEPTION": "x",
    "STATUS": "503",
    "CORRUPTION": "garble",
    "HEADERS": '{"x":"1"}',
    "OVERSIZE": "1KB",
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.__name__)
def test_all_at_once(
    api: RuntimeApi,
    lines: Lines,
    injections: Injections,
    ending: Callable[[RuntimeApi, Address], None],
    when: str,
) -> None:
    given = {PREFIX + name: text for name, text in ALL_AT_ONCE.items()}
    faults = {name.partition("_")[0] for name in ALL_AT_ONCE}
    given |= {f"{PREFIX}{name}_MAX": str(MOST) for name in faults}
    given |= {"FAULTLAYER_STATUS_WHEN": when, "FAULTLAYER_EXCEPTION_WHEN": "after"}
    address = start(api.address, given)
    if when == "before":  # the function never sees the event
        api.invoke(EVENT, deadline_ms=near(0.6))
        with Runtime(address) as runtime:
            runtime.wire.send(NEXT)
            assert soon(lambda: any(one.done.is_set() for one in api.given.values()))
    else:
        ending(api, address)
    counted_as_told(lines, injections)
    assert len(injections.made) > 3 or ending is leaves_while_it_waits
