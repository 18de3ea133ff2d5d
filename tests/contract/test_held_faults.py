"""Whatever a fault holds is given back when the layer's own process is killed, at any moment."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.boxed import Boxed
from fakes.proxied import soon
from fakes.runtime import NEXT
from fakes.runtime_api import RuntimeApi
from fakes.wire import Wire
from faultlayer.faults import all_faults
from faultlayer.settings.variables import read_environment
from faultlayer.vocabulary.actions import Hold
from faultlayer.vocabulary.invocation import Invocation
from faultlayer.vocabulary.registry import PREFIX, Fault

FAULTS = all_faults()
OWN = {".faultlayer", ".faultlayer.max"}  # the address and what was counted
LATEST = 0.4  # seconds after the event was asked for

every_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    with RuntimeApi() as server:
        yield server
    assert not server.errors


def variables(*faults: Fault) -> dict[str, str]:
    return {PREFIX + fault.name.upper(): fault.main.kind.example for fault in faults}


def holds(fault: Fault) -> bool:
    """Whether it holds something of the sandbox."""
    chooser = read_environment(variables(fault)).chooser
    assert chooser is not None
    return any(
        isinstance(fault.decide(rule.options, Invocation(b"", b""), 0.5), Hold)
        for rule in chooser.rules
    )


HOLDING = [fault for fault in FAULTS if holds(fault)]


def nothing_left(box: Boxed) -> bool:
    return soon(lambda: not box.everything() and box.used() == 0, 20) and box.files() <= OWN


def test_there_are_some() -> None:
    assert len(HOLDING) >= 3


@every_fault
def test_killed_at_any_moment_it_leaves_nothing(
    api: RuntimeApi, tmp_path: Path, fault: Fault
) -> None:
    """From before the event is given out until all is held."""
    chance = random.Random(fault.name)
    for number in range(6 if fault in HOLDING else 1):
        api.invoke(b'{"Records":[]}')
        log = tmp_path / f"log{number}"
        with Boxed(api.host, log, FAULTLAYER_RATE="1", **variables(fault)) as box:
            try:
                wire = Wire.to(box.address)
            except (OSError, ValueError):  # it hits the start alone, and no proxy is needed
                box.kill()
                assert nothing_left(box)
                continue
            with wire:
                wire.send(NEXT)
                time.sleep(chance.uniform(0, LATEST))
                box.kill()
                assert nothing_left(box)


def test_killed_while_all_is_held_it_leaves_nothing(api: RuntimeApi, tmp_path: Path) -> None:
    api.invoke()
    with (
        Boxed(api.host, tmp_path / "log", **variables(*HOLDING)) as box,
        Wire.to(box.address) as wire,
    ):
        wire.send(NEXT)
        assert soon(lambda: len(box.injected()) == len(HOLDING), 30)
        assert box.burdens()
        assert box.used() > 0
        box.kill()
        assert nothing_left(box)


@pytest.mark.parametrize("fault", HOLDING, ids=lambda fault: fault.name)
def test_a_runtime_that_leaves_in_the_middle_keeps_nothing_longer_than_its_deadline(
    api: RuntimeApi, tmp_path: Path, fault: Fault
) -> None:
    """It may answer on another connection, so that this one has ended tells nothing.

    Where a runtime has exited Lambda ends our process too: see the test before.
    """
    api.invoke(deadline_ms=int((time.time() + 3) * 1000))
    limited = {**variables(fault), f"{PREFIX}{fault.name.upper()}_MAX": "1"}
    with Boxed(api.host, tmp_path / "log", **limited) as box:
        with Wire.to(box.address) as wire:
            wire.send(NEXT)
            assert soon(lambda: box.injected() == [fault.name], 20)
        time.sleep(3)
        api.invoke()
        with Wire.to(box.address) as wire:
            wire.send(NEXT)
            assert wire.response().status == 200
            assert soon(lambda: not box.burdens() and box.used() == 0)
            assert box.pid()
