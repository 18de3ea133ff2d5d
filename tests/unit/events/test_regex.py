"""Regular expressions: `re` is the oracle, and nothing takes longer than its length explains."""

from __future__ import annotations

import random
import re
import sys
import threading
import time
import tracemalloc
import warnings
from collections.abc import Iterator

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from faultlayer.events import regex
from faultlayer.events.regex_syntax import LONGEST_PATTERN, WIDEST

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # of classes such as [[a]

LETTERS = "aAbBkKsSiI1_ -.\n\t\x1c\x85éÉßẞſıİ\u212aςσΣµμǅǆ\u1f80\u1f88\u0345ι²٣Ⓐ\u2003あ"
ASTRAL = "\U00010400\U00010428😀"
TEXTS = st.text(st.sampled_from("ab1_ \n" + LETTERS), max_size=10)

# Patterns, grown from the supported syntax


def _escaped(letter: str) -> str:
    return letter if letter.isalnum() or letter == "_" else "\\" + letter


CATEGORIES = st.sampled_from(["\\d", "\\D", "\\w", "\\W", "\\s", "\\S"])
SPELLED = st.sampled_from(["\\x41", "\\u00e9", "\\n", "\\t", "\\r", "\\f", "\\v", "\\\\", "\\é"])
LITERALS = st.sampled_from(LETTERS).map(_escaped) | SPELLED
RANGES = st.lists(st.sampled_from(LETTERS), min_size=2, max_size=2).map(
    lambda ends: "-".join(map(_escaped, sorted(ends)))
)
CLASSES = st.builds(
    "[{}{}]".format,
    st.sampled_from(["", "^", "]", "^]", "-"]),
    st.lists(LITERALS | RANGES | CATEGORIES, min_size=1, max_size=3).map("".join),
)
ASSERTIONS = st.sampled_from(["^", "$", "\\A", "\\Z", "\\b", "\\B"])
ATOMS = LITERALS | CATEGORIES | CLASSES | st.sampled_from("ab.") | ASSERTIONS
REPEATS = st.sampled_from(
    ["", "", "", "*", "+", "?", "{2}", "{0}", "{1,2}", "{2,}", "{,2}", "{,}", "{}", "{,x}", "{"]
)
LAZY = st.sampled_from(["", "", "?"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = st.builds("{}{})".format, st.sampled_from(["(", "(?:"]), inner)
    item = st.builds("{}{}{}".format, group | ATOMS, REPEATS, LAZY)
    branch = st.lists(item, max_size=4).map("".join)
    return st.lists(branch, min_size=1, max_size=3).map("|".join)


BODIES = st.recursive(st.builds("{}{}".format, ATOMS, REPEATS), _grown, max_leaves=12)
PATTERNS = st.builds("{}{}".format, st.sampled_from(["", "(?i)"]), BODIES)
NOISE = st.text(st.sampled_from("ab(|)[]{}?*+^$\\.-<>P:=!,12dwxu"), max_size=12)


def oracle(pattern: str) -> re.Pattern[str] | None:
    """What re makes of it; None where it refuses, or would if it were newer or stricter."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        try:
            return re.compile(pattern)
        except (re.error, OverflowError, DeprecationWarning):
            return None


def found(pattern: str, text: str) -> bool:
    return regex.compile(pattern).search(text)


def agree(pattern: str, text: str) -> None:
    expected = oracle(pattern)
    if expected is None:
        with pytest.raises(ValueError):
            regex.compile(pattern)
        return
    assume(text or "\\B" not in pattern or sys.version_info < (3, 14))
    assert found(pattern, text) is bool(expected.search(text))


@given(PATTERNS, st.lists(TEXTS, min_size=1, max_size=5))
@example("(?:(?:a|b?)*c?)*d", ["abcabd"])
@example("(?:(?:a?b?){2}$)*\n", ["\n"])
@example("(?i)[^ß]", ["ẞ"])
@example("()*", [""])
def test_what_the_grammar_makes_is_searched_as_re_does(pattern: str, texts: list[str]) -> None:
    assume(len(pattern) <= LONGEST_PATTERN)
    for text in texts:
        agree(pattern, text)


@given(NOISE, TEXTS)
@example("a{1", "a{1")
@example("[a-", "")
@example("a{,}{", "{")
@example("(?P<a>b)(?P<a>c)", "")
@example("(?:){4294967295}", "")
def test_any_other_pattern_is_refused_or_means_what_re_means(pattern: str, text: str) -> None:
    try:
        compiled = regex.compile(pattern)
    except ValueError:
        return
    expected = oracle(pattern)
    assert expected is not None
    assume(text or "\\B" not in pattern or sys.version_info < (3, 14))
    assert compiled.search(text) is bool(expected.search(text))


@given(st.text(max_size=20), st.text(max_size=20))
def test_escaped_text_finds_itself(needle: str, around: str) -> None:
    assert found(re.escape(needle), around + needle + around)
    assert found(re.escape(needle), around) is (needle in around)


def test_every_letter_has_the_variants_that_re_knows() -> None:
    letters = map(chr, range(0x110000))
    cased = [c for c in letters if c.lower() != c or c.upper() != c or c.title() != c]
    text = "".join(cased)
    left = set(cased)
    for letter in cased:
        if letter in left:
            same = set(re.findall(f"(?i){re.escape(letter)}", text))
            left -= same
            for each in same:
                assert set(regex._variants(each)) == same, ascii(each)
    assert not left


# Each construct, for the reader

FINDS = [
    ("", "", True),
    ("", "a", True),
    ("abc", "xabcx", True),
    ("abc", "ab", False),
    ("a.c", "abc", True),
    ("a.c", "a\nc", False),
    ("[a-c]x", "bx", True),
    ("[a-c]x", "dx", False),
    ("[^a-c]", "abc", False),
    ("[^a-c]", "abcd", True),
    ("[]]", "]", True),
    ("[^]]", "]", False),
    ("[a-]", "-", True),
    ("[-a]", "-", True),
    ("[\\]\\-\\\\]", "\\", True),
    ("[\\d_]{3}", "1_2", True),
    ("[^\\W\\d]", "1 2", False),
    ("\\d", "٣", True),  # ARABIC-INDIC DIGIT THREE
    ("\\d", "²", False),
    ("\\D", "12", False),
    ("^\\w+$", "héllo_1", True),
    ("\\W", "héllo_1", False),
    ("\\s", "a\u2003b", True),
    ("\\S", " \t\n", False),
    ("\\bcat\\b", "a cat.", True),
    ("\\bcat\\b", "concat", False),
    ("\\Bcat", "concat", True),
    ("\\Bcat", "cat", False),
    ("\\B", "", False),
    ("\\b", "", False),
    ("^b", "a\nb", False),
    ("a$", "a\n", True),
    ("a$", "a\n\n", False),
    ("a\\Z", "a\n", False),
    ("a\n$", "a\n", True),
    ("$\n", "\n", True),
    ("^$", "\n", True),
    ("\\A\\Z", "\n", False),
    ("a^", "a", False),
    ("(ab)+c", "ababc", True),
    ("(?:ab|cd)e", "cde", True),
    ("(?P<name>a)b", "ab", True),
    ("a||b", "", True),
    ("^(|a)b$", "ab", True),
    ("^a*$", "aaa", True),
    ("^a+$", "", False),
    ("^a?b$", "b", True),
    ("^a{2}$", "aaa", False),
    ("^a{2,}$", "aaa", True),
    ("^a{2,3}$", "aaaa", False),
    ("^a{,2}$", "aaa", False),
    ("^a{0}$", "", True),
    ("^a*?b+?c??d{1,2}?$", "aabcd", True),
    ("a{", "a{", True),
    ("a{x}", "a{x}", True),
    ("{}", "{}", True),
    ("(?i)straSSe", "STRAsſE", True),
    ("(?i)k", "\u212a", True),  # KELVIN SIGN
    ("(?i)[a-z]", "É", False),
    ("(?i)é", "É", True),
    ("(?i)[^k]", "K", False),
    ("\\x41\\u00e9\\n\\t\\r\\f\\v\\\\", "Aé\n\t\r\f\v\\", True),
    ("\\.\\*\\ \\_\\é", ".* _é", True),
    ("a\U0001f600+$", "a\U0001f600\U0001f600", True),
    ("(?i)\U00010400", "\U00010428", True),
    ("\\ud800", "\ud800", True),
    ("\x00", "\x00", True),
]


@pytest.mark.parametrize(("pattern", "text", "expected"), FINDS)
def test_each_construct(pattern: str, text: str, expected: bool) -> None:
    assert found(pattern, text) is expected
    if pattern != "\\B":  # Python 3.14 finds it in the empty text
        assert expected is bool(re.search(pattern, text))


def test_letters_beyond_the_first_plane_have_cases_in_a_class_too() -> None:
    assert found("(?i)[é\U00010400]", "\U00010428")
    assert not re.search("(?i)[é\U00010400]", "\U00010400")  # of which re loses sight


# The limits themselves


def test_the_largest_patterns_are_allowed() -> None:
    assert found("a" * LONGEST_PATTERN, "a" * LONGEST_PATTERN)
    assert found(f"^a{{{WIDEST}}}$", "a" * WIDEST)
    assert not found(f"^a{{{WIDEST}}}$", "a" * (WIDEST - 1))
    assert found("(" * 128 + ")" * 128, "")
    assert found("|" * LONGEST_PATTERN, "")


# Long texts

CUT = regex.LONGEST


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("b", "a" * (CUT - 1) + "b", True),
        ("b", "a" * CUT + "b", False),
        ("ab", "a" * CUT + "b", False),
        ("a$", "a" * CUT, True),
        ("a$", "a" * CUT + "a", False),
        ("a$", "a" * CUT + "\n", False),
        ("a$", "a" * (CUT - 1) + "\nb", False),
        ("a$", "a" * (CUT - 1) + "\n", True),
        ("a\\Z", "a" * CUT + "a", False),
        ("a\\b", "a" * CUT + "a", False),
        ("a\\b", "a" * CUT + " ", True),
        ("a\\B", " " * (CUT - 1) + "aa", True),
        ("a\\B", " " * (CUT - 1) + "a", False),
    ],
)
def test_what_lies_beyond_the_longest_text_is_not_seen(
    pattern: str, text: str, expected: bool
) -> None:
    assert found(pattern, text) is expected


# Time and memory


def catastrophic() -> Iterator[tuple[str, str]]:
    ab = "".join(random.Random(1).choices("ab", k=CUT))
    cased = [chr(c) for c in range(0x100, 0x3000) if chr(c).swapcase() != chr(c)]
    mixed = "".join(random.Random(1).choices(cased, k=CUT))
    yield "(a+)+$", "a" * (CUT - 1) + "b"
    yield "(a|a)*b", "a" * CUT
    yield "(a|aa)+$", "a" * (CUT - 1) + "b"
    yield "(.*a){12}", "b" * CUT
    yield "(.*a){12}c", ab
    yield "(x+x+)+y", "x" * CUT
    yield "((a*)*)*b", "a" * CUT
    yield "(" * 80 + "a" + ")*" * 80 + "b", "a" * CUT
    yield "((a{2,20}){2,7})+b$", "a" * CUT
    yield f"(a?){{{WIDEST - 1}}}c", "a" * CUT
    yield f"(?:{'(?:' * 20}a?b?{'){2}' * 7}{')*' * 13}c)+d", ab
    # A new set of ways with every character: no table helps
    yield f"a[ab]{{{WIDEST - 2}}}c", ab
    yield f"a[ab]{{0,{WIDEST - 2}}}c", ab
    yield f"(?i)a[ab]{{{WIDEST - 3}}}(?:\\b|\\B)c$", ab
    yield f"(?i)[^à-ʯ][^k]{{{WIDEST - 3}}}(?:\\b|\\B)[^\\W]0", mixed
    yield f"(?i)[a-zà-ʯ][\\w\\W]{{{WIDEST - 2}}}0", mixed


CATASTROPHIC = list(catastrophic())


@pytest.mark.parametrize(
    ("pattern", "text"), CATASTROPHIC, ids=[pattern[:24] for pattern, _ in CATASTROPHIC]
)
def test_no_pattern_takes_long(pattern: str, text: str) -> None:
    before = time.thread_time()
    assert not found(pattern, text)
    assert time.thread_time() - before < 2


def test_the_table_is_bounded() -> None:
    pattern = regex.compile(f"(?:\\b|a)[ab]{{{WIDEST - 2}}}\\Bc")
    letters = [chr(point) for point in range(0x100, 0x200)]
    chance = random.Random(1)
    tracemalloc.start()
    try:
        for alphabet in ("ab", letters, "ab", letters + ["a"] * 100):
            text = "".join(chance.choices(alphabet, k=CUT))
            assert pattern.search(text) is False
            assert len(pattern._states) <= regex.MOST_STATES
            assert all(len(state) <= regex.MOST_MOVES for state in pattern._states.values())
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 2_000_000


def test_a_forgotten_table_changes_no_answer() -> None:
    pattern, expected = "^(?:a|b)*a[ab]{7}\\b", re.compile("^(?:a|b)*a[ab]{7}\\b")
    compiled = regex.compile(pattern)
    chance = random.Random(2)
    for _ in range(500):
        text = "".join(chance.choices("ab", k=chance.randrange(40)))
        assert compiled.search(text) is bool(expected.search(text))


def test_threads_may_share_a_pattern() -> None:
    source = "a[ab]{9}c|\\bb[ab]{8}\\B.d"
    shared, expected = regex.compile(source), re.compile(source)
    wrong: list[str] = []

    def search(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(60):
            text = "".join(chance.choices("abababab cd", k=120))
            try:
                right = shared.search(text) is bool(expected.search(text))
            except Exception as error:
                text, right = repr(error), False
            if not right:
                wrong.append(text)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=search, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
