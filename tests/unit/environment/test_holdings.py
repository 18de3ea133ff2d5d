"""Things that several invocations hold: given back when the last of them needs it no longer."""

from __future__ import annotations

from faultlayer.environment.holdings import Shares


def test_a_thing_is_given_back_once_nobody_needs_it() -> None:
    given: list[str] = []
    shares = Shares(given.append)
    shares.add("first", 10)
    assert shares.join() == (["first"], 10), "a second invocation counts on it"
    shares.add("second", 5)
    assert shares.join() == (["first", "second"], 15)
    shares.leave(["first"])
    shares.leave(["first", "second"])
    assert given == []
    shares.leave(["first", "second"])
    assert given == ["first", "second"]
    assert shares.join() == ([], 0)


def test_what_is_given_back_may_be_held_anew() -> None:
    given: list[str] = []
    shares = Shares(given.append)
    for _ in range(2):
        shares.add("it", 1)
        shares.leave(["it"])
    assert given == ["it", "it"]
