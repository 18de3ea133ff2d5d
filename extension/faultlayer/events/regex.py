"""Regular expressions that cannot hang the proxy: yes or no, in time linear in the text.

`search` returns true if `re.search` would find a match, for the syntax that `regex_syntax` accepts.
It follows all ways through the pattern at once, as bits of one number, and keeps the moves that it
has computed in a table of bounded size. It must never backtrack or recurse. It must never import
`re`: that backtracks while it holds the interpreter's lock, and it doubles a cold start.

Of a text longer than LONGEST only the first LONGEST characters are searched: a match must lie in
them, `\\b` sees the character after them, and `$` and `\\Z` do not hold there. `\\B` does not hold
in an empty text (as in `re` before Python 3.14). If case is ignored, a class has both cases of
letters beyond U+FFFF, which `re` loses.

At its worst, a largest pattern takes some 50 ms for a longest text and keeps 1.5 MB; a usual one
takes microseconds and keeps a few KB.

Based on Glushkov's automaton, determinised as needed: https://swtch.com/~rsc/regexp/regexp1.html
"""

from __future__ import annotations

from faultlayer.events.regex_syntax import (
    EDGE,
    END,
    FORK,
    HOLDS,
    INSIDE,
    LINE_END,
    START,
    TAKE,
    read,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.events.regex_syntax import Set, Step

LONGEST = 4096  # characters of a text that are looked at
MOST_STATES = 64  # kept per pattern
MOST_MOVES = 64  # kept per state

# Places that share a byte of a set of ways: a row has 64 answers. Eight would be faster, but a row
# of 256 is four times as large.
_PER_BYTE = 6
_WITHIN = EDGE | INSIDE  # assertions that may hold between any two characters


def compile(pattern: str) -> Pattern:
    """The pattern, ready to search. Raises ValueError if it is not supported."""
    return Pattern(*read(pattern))


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


_CATEGORIES = {"d": str.isdecimal, "s": str.isspace, "w": _is_word}


# Letters that share their upper case with some that neither lower(), upper() nor title() gives.
_RELATED: dict[str, str] = {}
for _letter in (
    "\u0130\u0131\u212a\u017f\xb5\u212b\u1e9e\u0345\u1fbe\u0390\u1fd3\u03d0\u03f5\u03d1\u03f4\u03f0"
    "\u03d6\u03f1\u03c2\u03d5\u2126\u03b0\u1fe3\u1c80\u1c81\u1c82\u1c83\u1c84\u1c85\u1c86\u1c87"
    "\u1c88\u1e9b\ufb05\ufb06"
):
    _upper = _letter.lower()[0].upper()
    _RELATED[_upper] = _RELATED.get(_upper, "") + _letter


def _variants(character: str) -> list[str]:
    """The letters that `re` takes as the same if case is ignored."""
    lower = character.lower()[0]  # one letter's lower case has a second letter, an accent
    upper = lower.upper()
    found = [lower, *_RELATED.get(upper, "")]
    others = (upper, lower.title(), upper.lower())
    return found + [letter for letter in others if len(letter) == 1]


class _Alphabet:
    """Which places of a program (bits) take which character."""

    __slots__ = ("_categories", "_first", "_ignore", "_negated", "_taken")

    def __init__(self, sets: list[Set], places: list[int], ignore: bool) -> None:
        self._ignore = ignore
        self._negated = 0
        self._categories: dict[str, int] = {}
        changes = {0: 0}  # code point -> places that begin or cease to take from there on
        for (negated, ranges, categories), bits in zip(sets, places, strict=True):
            if negated:
                self._negated |= bits
            for letter in categories:
                self._categories[letter] = self._categories.get(letter, 0) | bits
            for low, high in ranges:
                changes[low] = changes.get(low, 0) ^ bits
                changes[high + 1] = changes.get(high + 1, 0) ^ bits
        self._first = sorted(changes)
        self._taken = []
        taken = 0
        for point in self._first:
            taken ^= changes[point]
            self._taken.append(taken)

    def _listed(self, character: str) -> int:
        point = ord(character)
        low, high = 0, len(self._first)
        while high - low > 1:
            middle = (low + high) // 2
            if self._first[middle] <= point:
                low = middle
            else:
                high = middle
        return self._taken[low]

    def taking(self, character: str) -> int:
        if self._ignore:
            found = 0
            for variant in _variants(character):
                found |= self._listed(variant)
        else:
            found = self._listed(character)
        for letter, bits in self._categories.items():
            if _CATEGORIES[letter.lower()](character) == letter.islower():
                found |= bits
        return found ^ self._negated


class _State(dict[str, "_State"]):
    """The ways still open after a character, and the moves from here as far as known."""

    __slots__ = ("_pattern", "bits", "word")

    def __init__(self, pattern: Pattern, bits: int, word: bool) -> None:
        self._pattern = pattern
        self.bits = bits
        self.word = word  # whether the character was a word's

    def __missing__(self, character: str) -> _State:
        state = self._pattern.move(self, character)
        if len(self) >= MOST_MOVES:
            self.clear()
        self[character] = state
        return state


class Pattern:
    """A compiled pattern; any number of threads may search with it.

    A set of ways is a number: the first of `_bits` is the start, which stays open; the last the
    end of the pattern; each between them a place that takes a character.
    """

    __slots__ = (
        "_alphabet",
        "_asserts",
        "_bits",
        "_end",
        "_follow",
        "_found",
        "_none",
        "_program",
        "_rows",
        "_states",
    )

    def __init__(self, program: list[Step], sets: list[Set], ignore: bool) -> None:
        places = [0] * len(sets)
        self._program = program
        self._asserts = 0
        self._bits = [1]
        for kind, value, _ in program:
            if kind == TAKE:
                byte, bit = divmod(len(self._bits), _PER_BYTE)
                self._bits.append(1 << 8 * byte + bit)
                places[value] |= self._bits[-1]
            elif kind == HOLDS:
                self._asserts |= value
        self._end = self._bits[-1] << 8
        self._alphabet = _Alphabet(sets, places, ignore)
        self._follow: dict[int, list[int]] = {}
        self._rows: dict[int, list[list[int]]] = {}
        self._states: dict[int, _State] = {}
        self._none = _State(self, 1, False)
        self._found = _State(self, 0, False)

    def search(self, text: str) -> bool:
        """True if the pattern matches anywhere in the text's first LONGEST characters."""
        if not text:
            return bool(self._after(1, START | END | LINE_END) & self._end)
        rest = text[LONGEST : LONGEST + 1]
        text = text[:LONGEST]
        last = len(text)
        if text[-1] == "\n" and not rest:
            last -= 1  # $ holds before it
        state = self.move(self._none, text[0], START if last else START | LINE_END)
        for character in text[1:last]:
            if state is self._found:
                return True
            state = state[character]
        if 0 < last < len(text):
            state = self.move(state, "\n", LINE_END)
        holds = self._between(state.word, rest) | (0 if rest else END | LINE_END)
        return state is self._found or bool(self._after(state.bits, holds) & self._end)

    def move(self, state: _State, character: str, holds: int = 0) -> _State:
        """The state after this character; `holds` are the assertions true only in this place."""
        if state is self._found:
            return state
        after = self._after(state.bits, holds | self._between(state.word, character))
        if after & self._end:
            return self._found
        bits = after & self._alphabet.taking(character) | 1
        word = bool(self._asserts & _WITHIN) and _is_word(character)
        key = bits << 1 | word
        found = self._states.get(key)
        if found is None:
            if len(self._states) >= MOST_STATES:
                self._forget()
            found = self._states[key] = _State(self, bits, word)
        return found

    def _forget(self) -> None:
        """Drop all states; a search that stands on one works out its next move anew."""
        states, self._states = self._states, {}
        for state in list(states.values()):
            state.clear()  # they refer to each other

    def _between(self, word: bool, character: str) -> int:
        """Which of \\b and \\B holds before this character (or the end)."""
        if not self._asserts & _WITHIN:
            return 0
        return EDGE if word != _is_word(character) else INSIDE

    def _after(self, bits: int, holds: int) -> int:
        """The places that may take the next character if these assertions hold."""
        holds &= self._asserts
        found = 0
        if holds & ~_WITHIN:  # at an end of the text: too rare for a table
            for bit, reached in zip(self._bits, self._follows(holds), strict=True):
                if bits & bit:
                    found |= reached
            return found
        rows = self._rows.get(holds) or self._tabulate(holds)
        for row, byte in zip(rows, bits.to_bytes(len(rows), "little"), strict=True):
            if byte:
                found |= row[byte]
        return found

    def _tabulate(self, holds: int) -> list[list[int]]:
        """The places that follow those that share a byte, for each value of the byte."""
        follows = self._follows(holds)
        rows = []
        for first in range(0, len(follows), _PER_BYTE):
            row = [0]
            for reached in follows[first : first + _PER_BYTE]:
                row += [found | reached for found in row]
            rows.append(row)
        self._rows[holds] = rows
        return rows

    def _follows(self, holds: int) -> list[int]:
        """For the start and each place: the places that follow without a character between."""
        known = self._follow.get(holds)
        if known is not None:
            return known
        program = self._program
        reached = [0] * len(program) + [self._end]
        for _ in range(2):  # a step back needs the start of its loop, known in the second round
            place = len(self._bits)
            for at in range(len(program) - 1, -1, -1):
                kind, first, second = program[at]
                if kind == TAKE:
                    place -= 1
                    reached[at] = self._bits[place]
                elif kind == FORK:
                    reached[at] = reached[at + first] | reached[at + second]
                else:
                    reached[at] = reached[at + 1] if first & holds else 0
        known = [reached[0]]
        known += [reached[at + 1] for at, step in enumerate(program) if step[0] == TAKE]
        self._follow[holds] = known
        return known
