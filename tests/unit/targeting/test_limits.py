"""The limit book: which rules keep their limits, and which begin anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from faultlayer.faults import find_fault
from faultlayer.targeting.limits import Limit, LimitBook
from faultlayer.vocabulary.registry import Fault


class Kept:
    """Stands for a count in a file, by an earlier process."""

    def __init__(self, used: int) -> None:
        self.used = used

    def save(self, used: int) -> None:
        self.used = used


def latency(delay: str, maximum: int | None) -> tuple[Fault, dict[str, Any]]:
    fault = find_fault("latency")
    assert fault is not None
    options = {option.name: option.default for option in fault.variables().values()}
    options["delay"] = fault.main.kind.parse(delay)
    options["max"] = maximum
    return fault, options


def test_a_rule_without_max_has_no_limit() -> None:
    assert LimitBook(None).limits([latency("1s", None)]) == [None]


def test_the_same_rule_keeps_its_limit_whatever_comes_beside_it() -> None:
    book = LimitBook(None)
    (first,) = book.limits([latency("1s", 2)])
    assert first is not None and first.claim()
    other, again = book.limits([latency("2s", 2), latency("1s", 2)])
    assert again is first and other is not None
    assert (other.remaining, again.remaining) == (2, 1)


def test_two_equal_rules_count_apart() -> None:
    one, two = LimitBook(None).limits([latency("1s", 1), latency("1s", 1)])
    assert one is not None and two is not None
    assert one.claim() and two.claim() and not one.claim()


def test_the_next_process_goes_on_and_a_forgotten_rule_begins_anew(tmp_path: Path) -> None:
    path = bytes(tmp_path / "counts")
    (limit,) = LimitBook(path).limits([latency("1s", 3)])
    assert limit is not None and limit.claim()
    book = LimitBook(path)
    (limit,) = book.limits([latency("1s", 3)])
    assert limit is not None and limit.remaining == 2
    book.limits([])
    (limit,) = book.limits([latency("1s", 3)])
    assert limit is not None and limit.remaining == 3


def test_a_limit_goes_on_from_what_an_earlier_process_counted() -> None:
    kept = Kept(2)
    limit = Limit(3, kept)  # type: ignore[arg-type]
    assert [limit.claim(), limit.claim()] == [True, False]
    assert kept.used == 3
    limit.uncount()
    assert kept.used == 2
    assert Limit(3, Kept(9)).remaining == 0, "the limit is lower than it was"  # type: ignore[arg-type]
