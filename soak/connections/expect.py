"""The due end of each connection, from the seed alone.

The seed is read here a second time, independent of the code under test.
"""

from __future__ import annotations

from dataclasses import dataclass

from soak.connections.contacts import (
    ALERTED,
    CUT,
    CUT_AT,
    CUT_AT_ONCE,
    GARBLED,
    NAME,
    NAMED,
    REFUSED,
    SILENT,
    SLOW,
    SLOWED,
    Contact,
    contact,
    of_invocation,
)
from soak.rules import Hit

_ENDINGS = {
    NAMED: ("dns", "no name"),
    REFUSED: ("connect", "refused"),
    SILENT: ("connect", "silent"),
    CUT_AT_ONCE: ("reset", "reset"),
    ALERTED: ("tls", "alert"),
    GARBLED: ("tls", "garbage"),
}
_TICK = 0.04  # seconds by which a slow connection's first and last piece may be early


@dataclass(frozen=True)
class End:
    """An ending: received bytes, and least and usual time (seconds)."""

    what: str
    got: int
    at_least: float = 0.0
    about: float = 0.0


def _seconds(hit: Hit) -> float:
    """The delay of a rule of `network`, drawn from its range."""
    low, _, high = hit.rule["delay"].partition("..")
    first = float(low.removesuffix("ms")) / 1000
    return first + (float((high or low).removesuffix("ms")) / 1000 - first) * hit.how


def _named(hits: list[Hit], host: str) -> list[Hit]:
    name = NAME if host == NAMED else host
    return [hit for hit in hits if name in hit.rule["hosts"].split(",")]


def expected(one: Contact, hits: list[Hit]) -> End:
    """The due end of a connection whose invocation these rules hit."""
    mine = _named(hits, one.host)
    faults = {hit.name for hit in mine}
    fault, ending = _ENDINGS.get(one.host, ("", ""))
    if fault in faults:
        return End(ending, 0)
    whole = one.answer * one.turns
    if one.host == CUT and mine and whole >= CUT_AT:
        return End("reset", CUT_AT)
    delay = max((_seconds(hit) for hit in mine if hit.name == "network"), default=0.0)
    if one.host == SLOW and mine:
        return End("whole", whole, _slow(one) - _TICK, _slow_together(one))
    return End("whole", whole, delay * one.turns - 0.001, delay * (one.turns + 1))


def _slow(one: Contact) -> float:
    return (one.asked + one.answer) * one.turns / SLOWED


def _slow_together(one: Contact) -> float:
    """The time of all slow connections of the invocation, in turn (seconds)."""
    invocation = one.number // len(of_invocation(0))
    return sum(_slow(each) for each in map(contact, of_invocation(invocation)) if each.host == SLOW)
