"""CPU: what is refused, and a process for each core, as long as the invocation."""

from __future__ import annotations

import sys

import pytest

from fakes.holding import alive, burdens, hold, refusal, sandbox, soon, taken
from faultlayer.environment import load_process

ALLOWED = "; allowed: a whole number from 1 to 32"


@pytest.mark.parametrize("text", ["1000", "33", "0", "-1", "1.5", "all", "50%"])
def test_what_is_refused_at_start(text: str) -> None:
    assert refusal("cpu", text).endswith(ALLOWED)


@pytest.mark.parametrize("cores", [1, 3])
def test_a_process_for_each_core_until_it_is_released(cores: int) -> None:
    action = hold("cpu", str(cores))
    assert action.numbers == {"cores": cores}
    with taken(action):
        assert len(burdens()) == cores
    assert not burdens()


def test_two_at_once_hold_theirs_each() -> None:
    first, _ = hold("cpu", "2").take(sandbox())
    second, _ = hold("cpu", "1").take(sandbox())
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

    monkeypatch.setattr(load_process, "LoadProcess", Second)
    with pytest.raises(FileNotFoundError):
        hold("cpu", "2").take(sandbox())
    assert len(started) == 1
    assert not alive(started[0])


def test_where_one_is_ended_at_once_none_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_process, "_CODE", "raise SystemExit")
    with pytest.raises(ValueError, match="was ended before it had begun"):
        hold("cpu", "2").take(sandbox())
    assert not burdens()
