"""Regular expressions in the syntax of Python's `re`, read into a program for `regex`.

- A pattern that it accepts means the same as in `re`. Its program stays within LARGEST steps and
  WIDEST characters.
- It refuses syntax that cannot be matched in linear time, or that nobody needs. The ValueError
  names the mistake and its position, and never repeats the pattern: values are not logged.
- It does not recurse: the proxy's threads have small stacks.

https://docs.python.org/3/library/re.html#regular-expression-syntax
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    Step = tuple[int, int, int]
    Ranges = tuple[tuple[int, int], ...]
    Set = tuple[bool, Ranges, str]  # negated, code points, categories such as "dW"

LONGEST_PATTERN = 256  # characters
LARGEST = 2000  # steps, counted repetitions written out
WIDEST = 300  # those among them that take a character

# A step is (kind, a, b). TAKE: take a character of set number a. FORK: go on with both the steps
# a and b further on; a step back ends a loop, and b leads out of it. HOLDS: go on with the next
# step if the assertion a holds.
TAKE, FORK, HOLDS = 0, 1, 2
START, END, LINE_END, EDGE, INSIDE = 1, 2, 4, 8, 16

_ASSERTIONS = {"A": START, "Z": END, "b": EDGE, "B": INSIDE}
_CONTROLS = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11}
_DIGITS = frozenset("0123456789")
_HEX = frozenset("0123456789abcdefABCDEF")
_REPEATS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_GROUPS = (
    ("=", "look-around"),
    ("!", "look-around"),
    ("<=", "look-around"),
    ("<!", "look-around"),
    (">", "an atomic group"),
    ("P=", "a backreference"),
    ("(", "a conditional group"),
    ("#", "a comment"),
    ("i)", "(?i) elsewhere than at the start"),
)


def read(pattern: str) -> tuple[list[Step], list[Set], bool]:
    """The program, the sets it takes characters from, and whether case is ignored."""
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"is longer than {LONGEST_PATTERN} characters")
    ignore = pattern.startswith("(?i)")
    reader = _Reader(pattern, 4 if ignore else 0)
    program = reader.program()
    return program, list(reader.sets), ignore


def _fail(what: str, position: int, why: str = "") -> NoReturn:
    raise ValueError(f"has {what} at position {position}{why}")


def _unsupported(what: str, position: int) -> NoReturn:
    _fail(what, position, ", which is not supported")


def _fit(steps: int, taking: int, position: int) -> None:
    if steps > LARGEST or taking > WIDEST:
        raise ValueError(
            f"is too large at position {position}: with its repetitions written out it has more "
            f"than {WIDEST} characters or {LARGEST} steps"
        )


def _taking(steps: list[Step]) -> int:
    return sum(step[0] == TAKE for step in steps)


def _either(branches: list[list[Step]]) -> list[Step]:
    steps = branches[-1]
    for branch in branches[-2::-1]:
        over = len(steps) + 1
        steps = [(FORK, 1, len(branch) + 2), *branch, (FORK, over, over), *steps]
    return steps


def _repeated(body: list[Step], low: int, high: int | None) -> list[Step]:
    size = len(body)
    if high is None and low:
        return body * low + [(FORK, -size, 1)]
    if high is None:
        return [(FORK, 1, size + 2), *body, (FORK, -size - 1, 1)]
    steps = body * low
    for left in range(high - low, 0, -1):
        steps += [(FORK, 1, left * (size + 1)), *body]
    return steps


def _merged(ranges: list[tuple[int, int]]) -> Ranges:
    """The same code points in order, no two ranges overlapping."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            low, previous = merged.pop()
            high = max(high, previous)
        merged.append((low, high))
    return tuple(merged)


class _Reader:
    """Reads left to right. Open groups are a stack; a group's steps are joined when it closes."""

    def __init__(self, text: str, position: int) -> None:
        self.text = text
        self.position = position
        self.sets: dict[Set, int] = {}  # in order
        self._names: set[str] = set()
        self._open: list[tuple[int, list[list[Step]], list[Step]]] = []
        self._branches: list[list[Step]] = []  # of this group, before the one being read
        self._steps: list[Step] = []  # of the branch being read
        self._item = -1  # the index in them of the item that may be repeated
        self._is_repeated = False

    def program(self) -> list[Step]:
        while self.position < len(self.text):
            self._read()
        if self._open:
            _fail("a group that is not closed", self._open[-1][0])
        return self._joined()

    def _next(self, otherwise: str, position: int) -> str:
        if self.position == len(self.text):
            _fail(otherwise, position)
        self.position += 1
        return self.text[self.position - 1]

    def _ahead(self, sign: str) -> bool:
        return self.text.startswith(sign, self.position)

    def _skip(self, sign: str) -> bool:
        found = self._ahead(sign)
        self.position += len(sign) * found
        return found

    def _read(self) -> None:
        position = self.position
        sign = self._next("", position)
        if sign == "(":
            self._begin(position)
        elif sign == ")":
            self._end(position)
        elif sign == "|":
            self._branches.append(self._steps)
            self._steps, self._item, self._is_repeated = [], -1, False
        elif sign == "^":
            self._assert(START)
        elif sign == "$":
            self._assert(LINE_END)
        elif sign == ".":
            self._take((True, ((10, 10),), ""))
        elif sign == "[":
            self._take(self._set(position))
        elif sign == "\\":
            self._escape(position)
        elif bounds := self._bounds(sign, position):
            self._repeat(position, *bounds)
        else:
            self._take((False, ((ord(sign), ord(sign)),), ""))

    def _add(self, steps: list[Step]) -> None:
        self._item, self._is_repeated = len(self._steps), False
        self._steps += steps

    def _take(self, wanted: Set) -> None:
        self._add([(TAKE, self.sets.setdefault(wanted, len(self.sets)), 0)])

    def _assert(self, assertion: int) -> None:
        self._add([(HOLDS, assertion, 0)])
        self._item = -1

    # Groups

    def _begin(self, position: int) -> None:
        if self._skip("?"):
            if self._skip("P<"):
                self._name(position)
            elif not self._skip(":"):
                self._refuse_group(position)
        self._open.append((position, self._branches, self._steps))
        self._branches, self._steps, self._item, self._is_repeated = [], [], -1, False

    def _refuse_group(self, position: int) -> NoReturn:
        for sign, what in _GROUPS:
            if self._skip(sign):
                _unsupported(what, position)
        _unsupported("a flag or an unknown group", position)

    def _name(self, position: int) -> None:
        end = self.text.find(">", self.position)
        name = self.text[self.position : max(end, self.position)]
        if not name.isidentifier():
            _fail("a group without a proper name", position)
        if name in self._names:
            _fail("a group whose name is taken", position)
        self._names.add(name)
        self.position = end + 1

    def _end(self, position: int) -> None:
        if not self._open:
            _fail("a parenthesis that closes no group", position)
        inside = self._joined()
        _, self._branches, self._steps = self._open.pop()
        self._add(inside)

    def _joined(self) -> list[Step]:
        """The branches of the group that ends here as one."""
        branches = [*self._branches, self._steps]
        steps = sum(len(branch) + 2 for branch in branches) - 2
        _fit(steps, sum(map(_taking, branches)), self.position)
        return _either(branches)

    # Repetition

    def _bounds(self, sign: str, position: int) -> tuple[int, int | None] | None:
        """How often the item before is repeated; None if this is an ordinary character."""
        if sign != "{":
            return _REPEATS.get(sign)
        end = self.text.find("}", self.position)
        low, comma, high = self.text[self.position : max(end, self.position)].partition(",")
        if not (low or comma) or not _DIGITS.issuperset(low + high):
            return None
        self.position = end + 1
        least = int(low or 0)
        most = int(high) if high else None if comma else least
        if most is not None and most < least:
            _fail("a repetition whose bounds are the wrong way round", position)
        return least, most

    def _repeat(self, position: int, low: int, high: int | None) -> None:
        if self._is_repeated:
            _fail("a repetition of a repetition", position)
        if self._item < 0:
            _fail("nothing to repeat", position)
        if not self._skip("?") and self._skip("+"):
            _unsupported("a possessive repetition", position)
        body = self._steps[self._item :]
        times = low if high is None else high
        _fit((len(body) + 1) * times + 2, _taking(body) * times, position)
        self._steps[self._item :] = _repeated(body, low, high) if body else []
        self._is_repeated = True

    # Characters

    def _escape(self, position: int) -> None:
        assertion = _ASSERTIONS.get(self.text[self.position : self.position + 1])
        if assertion is not None:
            self.position += 1
            self._assert(assertion)
            return
        meant = self._escaped(position)
        if isinstance(meant, str):
            self._take((False, (), meant))
        else:
            self._take((False, ((meant, meant),), ""))

    def _escaped(self, position: int) -> int | str:
        """The code point, or the category (a letter), that an escape stands for."""
        sign = self._next("a backslash with nothing after it", position)
        if sign in "dDwWsS":
            return sign
        if sign in _CONTROLS:
            return _CONTROLS[sign]
        if sign in "xu":
            length = 2 if sign == "x" else 4
            digits = self.text[self.position : self.position + length]
            if len(digits) < length or not _HEX.issuperset(digits):
                _fail("an escape that lacks hexadecimal digits", position)
            self.position += length
            return int(digits, 16)
        if sign in _DIGITS:
            _unsupported("a backreference or an octal escape", position)
        if sign.isascii() and sign.isalpha():
            _unsupported("an escape", position)
        return ord(sign)

    def _set(self, position: int) -> Set:
        """A class such as [a-z_]; a ] that comes first is a character."""
        unclosed = "a class that is not closed"
        negated = self._skip("^")
        ranges: list[tuple[int, int]] = []
        categories = ""
        start = self.position
        while True:
            here = self.position
            sign = self._next(unclosed, position)
            if sign == "]" and here > start:
                return negated, _merged(ranges), "".join(sorted(set(categories)))
            low = high = self._escaped(here) if sign == "\\" else ord(sign)
            if self._ahead("-") and not self._ahead("-]"):
                self.position += 1
                there = self.position
                sign = self._next(unclosed, position)
                high = self._escaped(there) if sign == "\\" else ord(sign)
                if isinstance(low, str) or isinstance(high, str) or high < low:
                    _fail("a class with a range whose ends are the wrong way round", here)
            if isinstance(low, str):
                categories += low
            elif isinstance(high, int):
                ranges.append((low, high))
