"""A process for each core, as long as the invocation."""

from __future__ import annotations

import sys

import pytest

from fakes.holding import alive, burdens, hold, sandbox, soon, take, taken
from faultlayer.environment import busy_cores, load_process


@pytest.mark.parametrize("cores", [1, 3])
def test_a_process_for_each_core_until_it_is_released(cores: int) -> None:
    action = hold("cpu", str(cores))
    assert action.numbers == {"cores": cores}
    with taken(action):
        assert len(burdens()) == cores
    assert not burdens()


def test_two_at_once_hold_theirs_each() -> None:
    first, _ = take(hold("cpu", "2"), sandbox())
    second, _ = take(hold("cpu", "1"), sandbox())
    counts = [len(burdens())]
    first()
    counts.append(len(burdens()))
    second()
    assert [*counts, len(burdens())] == [3, 1, 0]


def test_past_the_deadline_they_have_ended_though_nobody_released_them() -> None:
    with taken(hold("cpu", "2"), seconds=1.0):
        assert soon(lambda: not burdens())


def test_where_one_cannot_be_started_none_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    class Second(load_process.LoadProcess):
        def __init__(self, *arguments: object) -> None:
            if started:
                monkeypatch.setattr(sys, "executable", "/nonexistent/python3")
            super().__init__(*arguments)  # type: ignore[arg-type]
            started.append(self.pid)

    monkeypatch.setattr(busy_cores, "LoadProcess", Second)
    with pytest.raises(FileNotFoundError):
        take(hold("cpu", "2"), sandbox())
    assert len(started) == 1
    assert not alive(started[0])


def test_where_one_is_ended_at_once_none_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_process, "_CODE", "raise SystemExit")
    with pytest.raises(ValueError, match="was ended before it had begun"):
        take(hold("cpu", "2"), sandbox())
    assert not burdens()
