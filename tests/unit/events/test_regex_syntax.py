"""The syntax of regular expressions: what is refused and how, what the rest becomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.events import regex_syntax
from faultlayer.events.regex_syntax import FORK, HOLDS, START, TAKE

NOT = ", which is not supported"
REFUSED = [
    ("a" * 257, "is longer than 256 characters"),
    ("a{301}", "is too large at position 1: "),
    ("(?:a{100}){4}", "is too large at position 10: "),
    ("a{200}b{101}", "is too large at position 12: "),
    ("(?:){4294967296}", "is too large at position 4: "),
    ("(?:\\b){2001}", "is too large at position 6: "),
    ("(?:(?:\\b){2001})", "is too large at position 9: "),
    ("*a", "has nothing to repeat at position 0"),
    ("a|+", "has nothing to repeat at position 2"),
    ("({2})", "has nothing to repeat at position 1"),
    ("^*", "has nothing to repeat at position 1"),
    ("\\b?", "has nothing to repeat at position 2"),
    ("(?i)*", "has nothing to repeat at position 4"),
    ("a**", "has a repetition of a repetition at position 2"),
    ("a{2}{3}", "has a repetition of a repetition at position 4"),
    ("a*??", "has a repetition of a repetition at position 3"),
    ("a*+", "has a possessive repetition at position 1" + NOT),
    ("a{2}+", "has a possessive repetition at position 1" + NOT),
    ("a{3,2}", "has a repetition whose bounds are the wrong way round at position 1"),
    ("x(a", "has a group that is not closed at position 1"),
    ("(a)(b(c)", "has a group that is not closed at position 3"),
    ("a)", "has a parenthesis that closes no group at position 1"),
    ("x[a", "has a class that is not closed at position 1"),
    ("[]", "has a class that is not closed at position 0"),
    ("[^]", "has a class that is not closed at position 0"),
    ("[a-", "has a class that is not closed at position 0"),
    ("[xb-a]", "has a class with a range whose ends are the wrong way round at position 2"),
    ("[\\d-z]", "has a class with a range whose ends are the wrong way round at position 1"),
    ("[a-\\d]", "has a class with a range whose ends are the wrong way round at position 1"),
    ("a\\", "has a backslash with nothing after it at position 1"),
    ("[\\", "has a backslash with nothing after it at position 1"),
    ("\\x4", "has an escape that lacks hexadecimal digits at position 0"),
    ("\\u00g0", "has an escape that lacks hexadecimal digits at position 0"),
    ("\\x١٢", "has an escape that lacks hexadecimal digits at position 0"),
    ("(a)\\1", "has a backreference or an octal escape at position 3" + NOT),
    ("[\\0]", "has a backreference or an octal escape at position 1" + NOT),
    ("\\a", "has an escape at position 0" + NOT),
    ("\\q", "has an escape at position 0" + NOT),
    ("\\z", "has an escape at position 0" + NOT),
    ("\\N{DASH}", "has an escape at position 0" + NOT),
    ("[\\b]", "has an escape at position 1" + NOT),
    ("a(?=b)", "has look-around at position 1" + NOT),
    ("(?!b)", "has look-around at position 0" + NOT),
    ("(?<=b)", "has look-around at position 0" + NOT),
    ("(?<!b)", "has look-around at position 0" + NOT),
    ("(?>a)", "has an atomic group at position 0" + NOT),
    ("(?P<a>b)(?P=a)", "has a backreference at position 8" + NOT),
    ("(a)?(?(1)b|c)", "has a conditional group at position 4" + NOT),
    ("(?#a)", "has a comment at position 0" + NOT),
    ("a(?i)", "has (?i) elsewhere than at the start at position 1" + NOT),
    ("(?m)a", "has a flag or an unknown group at position 0" + NOT),
    ("(?i:a)", "has a flag or an unknown group at position 0" + NOT),
    ("(?<a>b)", "has a flag or an unknown group at position 0" + NOT),
    ("(?", "has a flag or an unknown group at position 0" + NOT),
    ("(?P<1>a)", "has a group without a proper name at position 0"),
    ("(?P<>a)", "has a group without a proper name at position 0"),
    ("(?P<a", "has a group without a proper name at position 0"),
    ("(?P<a>b)(?P<a>c)", "has a group whose name is taken at position 8"),
]


@pytest.mark.parametrize(("pattern", "message"), REFUSED, ids=[p[:20] for p, _ in REFUSED])
def test_each_refusal_says_what_and_where(pattern: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        regex_syntax.read(pattern)
    assert str(refused.value).startswith(message)
    if not message.endswith(": "):
        assert str(refused.value) == message


def test_a_refusal_never_repeats_the_pattern() -> None:
    for wrong, _ in REFUSED:
        with pytest.raises(ValueError) as refused:
            regex_syntax.read(f"(?P<hunter2>hunter2)|{wrong}")
        assert "hunter2" not in str(refused.value)


def test_a_set_is_read_in_order_and_without_overlap() -> None:
    _, sets, ignore = regex_syntax.read("[c-ea-bd-gx\\sA\\d][^\\n][^\\n].")
    a_to_g, newline = (ord("a"), ord("g")), (True, ((10, 10),), "")
    assert sets == [(False, ((65, 65), a_to_g, (ord("x"), ord("x"))), "ds"), newline]
    assert not ignore


def test_repetitions_are_written_out() -> None:
    take, back = (TAKE, 0, 0), (FORK, -1, 1)
    for pattern, steps in [
        ("a", [take]),
        ("a*", [(FORK, 1, 3), take, (FORK, -2, 1)]),
        ("a+", [take, back]),
        ("a?", [(FORK, 1, 2), take]),
        ("a{3}", [take] * 3),
        ("a{2,}", [take, take, back]),
        ("a{1,3}", [take, (FORK, 1, 4), take, (FORK, 1, 2), take]),
        ("a{0}", []),
        ("(?:){9}", []),
        (
            "a|a|^",
            [(FORK, 1, 3), take, (FORK, 5, 5), (FORK, 1, 3), take, (FORK, 2, 2), (HOLDS, START, 0)],
        ),
    ]:
        assert regex_syntax.read(pattern)[0] == steps


@given(st.text("(|)[]{}?*+^$\\.-ab1,:P<>=", max_size=300))
def test_whatever_it_is_it_is_read_or_refused_within_the_limits(pattern: str) -> None:
    try:
        steps, sets, _ = regex_syntax.read(pattern)
    except ValueError:
        return
    assert len(steps) <= regex_syntax.LARGEST
    assert sum(kind == TAKE for kind, _, _ in steps) <= regex_syntax.WIDEST
    assert len(sets) <= len(pattern) <= regex_syntax.LONGEST_PATTERN
