"""Change one place of a JSON text. Every other byte stays as it was written.

Only the replaced value is written anew. So large numbers, escapes, spaces and members that are
written twice stay as they are. The text must be valid JSON: see `jsontext.is_json`.
https://www.rfc-editor.org/rfc/rfc8259
"""

from __future__ import annotations

from _json import scanstring

from faultlayer.events.paths import HEADERS
from faultlayer.jsontext import dumps, loads, quote, scan, skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Scan = Callable[[str, int], tuple[Any, int]]
    Edit = tuple[int, int, str]
    Part = tuple[int, str, int, int]

_SPACE = frozenset(" \t\n\r")


def set_path(text: str, path: tuple[str, ...], value: str | None) -> str:
    """The text with this JSON value at the path; None removes the value there.

    Objects on the way are made if they are missing or null. A path that cannot exist leaves the
    text as it is: an index that a list does not have, a member of a text or a number.
    """
    edits: list[Edit] = []
    _set(text, _past_space(text, 0), path, value, edits)
    pieces, at = [], 0
    for start, end, new in edits:
        pieces += [text[at:start], new]
        at = end
    return "".join(pieces) + text[at:]


def members(text: str) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of each value of the object that this text is."""
    for _, name, begin, end in _parts(text, _past_space(text, 0)):
        yield name, begin, end


def skim(text: str, wanted: frozenset[str], most: int = 16, depth: int = 4) -> Any:
    """The values of these members of a JSON text. The rest is skipped in little memory.

    Of a list the first `most` values. Numbers, and values that lie deeper than `depth`, are True.
    """
    return _skim(text, _past_space(text, 0), wanted, most, depth)


def _skim(text: str, at: int, wanted: frozenset[str], most: int, depth: int) -> Any:
    if depth and text[at] == "{":
        return {
            name: _skim(text, begin, wanted, most, depth - 1)
            for _, name, begin, _ in _parts(text, at, skip)
            if name in wanted
        }
    if depth and text[at] == "[":
        found = []
        for _, _, begin, _ in _parts(text, at, skip):
            found.append(_skim(text, begin, wanted, most, depth - 1))
            if len(found) == most:
                break
        return found
    if text[at] == '"':
        return scanstring(text, at + 1)[0]
    return None if text.startswith("null", at) else True


def append_to(text: str, path: tuple[str, ...], more: list[str]) -> str:
    """The text with these JSON values at the end of the list at the path."""
    at = _past_space(text, 0)
    for name in path:
        at = [begin for _, other, begin, _ in _parts(text, at) if other == name][-1]
    last = max((end for _, _, _, end in _parts(text, at)), default=0)
    new = ",".join(more)
    return f"{text[:last]},{new}{text[last:]}" if last else f"{text[: at + 1]}{new}{text[at + 1 :]}"


def _set(
    text: str, at: int, path: tuple[str, ...], value: str | None, edits: list[Edit], above: str = ""
) -> None:
    """Add the changes to the object or list that begins here to `edits`.

    A member that is written twice changes twice: readers differ in which of the two they take.
    """
    if text[at] not in "{[":
        return
    named = text[at] == "{"
    named_by = _naming(path[0], named=named, any_case=named and above in HEADERS)
    removing = len(path) == 1 and value is None
    found = stays = False
    # `gone`: the start of the removed part, until the next is known. `last`: the last part's end.
    gone, last = -1, 0
    for start, name, begin, end in _parts(text, at):
        if gone >= 0:
            edits.append((gone, start, ""))
            gone = -1
        if not named_by(name):
            stays = True
        else:
            found = True
            if not removing:
                _replace(text, (begin, end), path, value, edits)
                if not named:  # no other has this index, and lists can be long
                    return
            elif stays:
                edits.append((last, end, ""))
            else:
                gone = start
        last = end
    if gone >= 0:
        edits.append((gone, last, ""))
    if named and not found and value is not None:
        member = f"{quote(path[0])}:{_nested(path[1:], value)}"
        edits.append((last, last, "," + member) if last else (at + 1, at + 1, member))


def _replace(
    text: str, span: tuple[int, int], path: tuple[str, ...], value: str | None, edits: list[Edit]
) -> None:
    start, end = span
    if len(path) > 1 and text[start] in "{[":
        _set(text, start, path[1:], value, edits, path[0])
        return
    if value is None or (len(path) > 1 and text[start:end] != "null"):
        return
    new = _nested(path[1:], value)
    if not _same(text[start:end], new):
        edits.append((start, end, new))


def _same(written: str, new: str) -> bool:
    """True if two JSON texts have the same value. 1 and 1.0 differ."""
    if written[:1] == '"' or new[:1] == '"':  # a text can be long, and is compared as it is
        return written[:1] == new[:1] and loads(written) == loads(new)
    return dumps(loads(written)) == dumps(loads(new))


def _naming(name: str, *, named: bool, any_case: bool) -> Callable[[str], bool]:
    """True if this part has the wanted name, or the wanted index in a list."""
    if any_case:
        return lambda other: other.lower() == name.lower()
    if not named and name.isascii() and name.isdigit():
        name = name.lstrip("0") or "0"
    return name.__eq__


def _nested(path: tuple[str, ...], value: str) -> str:
    for name in reversed(path):
        value = f"{{{quote(name)}:{value}}}"
    return value


def _parts(text: str, at: int, scan: Scan = scan) -> Iterator[Part]:
    """For each part of the object or list that begins here: start, name or index, value's span."""
    named = text[at] == "{"
    count = 0
    at = _past_space(text, at + 1)
    while text[at] not in "}]":
        start, name = at, str(count)
        if named:
            name, at = scanstring(text, at + 1)
            at = _past_space(text, _past_space(text, at) + 1)
        end = scan(text, at)[1]
        yield start, name, at, end
        count += 1
        at = _past_space(text, end)
        if text[at] == ",":
            at = _past_space(text, at + 1)


def _past_space(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at
