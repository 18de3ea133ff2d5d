"""JSON by the interpreter's own C scanner and encoder, without the `json` package around them.

The results are those of `json.loads` and compact `json.dumps`. The package imports `re`, `enum` and
`collections`, which takes more than twice the time that the rest of this extension needs to start,
on a CPU that may be a seventh of a core.
"""

from __future__ import annotations

from _codecs import utf_16_ex_decode
from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_SPACE = " \t\n\r"
_INFINITY = float("inf")


class _Context:
    """The attributes of a `json.JSONDecoder` that the scanner uses."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = {
        "NaN": float("nan"),
        "Infinity": float("inf"),
        "-Infinity": float("-inf"),
    }.__getitem__
    memo: dict[str, str] = {}  # noqa: RUF012


class Repeated(dict):  # type: ignore[type-arg]
    """An object that was written with the member `name` more than once; it holds the last."""

    name = ""


class _Careful(_Context):
    """A context that notices members that are written twice."""

    @staticmethod
    def object_pairs_hook(  # type: ignore[override]
        pairs: list[tuple[str, Any]],
    ) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        repeated, seen = Repeated(found), set()
        for name, _ in pairs:
            if name in seen:
                repeated.name = name
                break
            seen.add(name)
        return repeated


def _default(value: object) -> Any:
    raise TypeError(f"{type(value).__name__} is no JSON")


scan = make_scanner(_Context)  # type: ignore[arg-type]
_encode = make_encoder(None, _default, encode_basestring_ascii, None, ":", ",", False, False, True)
_encode_utf8 = make_encoder(None, _default, encode_basestring, None, ":", ",", False, False, True)
quote = encode_basestring_ascii
escape = encode_basestring  # the same in any script, and of text that has a character for each byte


def loads(data: str | bytes, scan: Callable[[str, int], tuple[Any, int]] = scan) -> Any:
    """The value of a JSON text. Raises ValueError; RecursionError if it nests too deeply."""
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    try:
        value, end = scan(text, len(text) - len(text.lstrip(_SPACE)))
    except (StopIteration, SystemError):  # SystemError: it looks for json's own error, not loaded
        raise ValueError("is not JSON") from None
    if text[end:].strip(_SPACE):
        raise ValueError("has more than one JSON value")
    return value


def loads_or_why(text: str) -> Any:
    """As `loads_careful`, for what people write: a ValueError says what is wrong, and where."""
    if not text.strip():
        raise ValueError("is empty")
    try:
        return loads_careful(text)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except ValueError:
        raise ValueError(_why_not(text)) from None


def _why_not(text: str) -> str:
    """Why a text is not JSON: the line, the column and the kind of its first mistake."""
    from json.decoder import JSONDecodeError  # which the scanner raises only if it is loaded

    at, why = len(text) - len(text.lstrip(_SPACE)), "expecting value"
    try:
        _, end = scan(text, at)
    except StopIteration as error:
        at = error.value
    except JSONDecodeError as error:
        at, why = error.pos, error.msg[0].lower() + error.msg[1:]
    except ValueError:
        return "has a number of more digits than Python reads"
    else:
        at, why = len(text) - len(text[end:].lstrip(_SPACE)), "extra data"
    column = at - text.rfind("\n", 0, at)
    return f"is not JSON: line {text.count(chr(10), 0, at) + 1}, column {column}: {why}"


# -- bytes of files and live plans --

_BYTE_ORDERS = (b"\xff\xfe", b"\xfe\xff")
_MARK = "\ufeff"


def encoding_of(start: bytes) -> str:
    """The encoding of a text, by its first bytes: a mark, or an ASCII character in UTF-16."""
    if start.startswith(_BYTE_ORDERS):
        return "utf-16"
    if start[1:2] == b"\0" != start[:1]:
        return "utf-16-le"
    if start[:1] == b"\0" != start[1:2]:
        return "utf-16-be"
    return "utf-8-sig"


def decoded(data: bytes) -> str:
    """The text in these bytes, UTF-8 or UTF-16, without a byte order mark. Raises ValueError."""
    encoding = encoding_of(data)
    order = {"utf-16-le": -1, "utf-16-be": 1}.get(encoding, 0)
    try:
        if encoding == "utf-8-sig":  # the codec module of this name is not in the layer
            text = data.decode("utf-8").removeprefix(_MARK)
        else:
            text = utf_16_ex_decode(data, "strict", order, True)[0]  # nor are those of UTF-16
    except UnicodeError:
        text = "\0"
    if "\0" in text[:2]:  # as UTF-32 looks, read as UTF-16
        raise ValueError("is not text in UTF-8 or UTF-16")
    return text


def unmarked(text: str) -> str:
    """The text of a variable without a byte order mark, and without line breaks at its end.

    `$(cat file)` leaves the one, the | of YAML the others, and no value means them.
    """
    return text.removeprefix(_MARK).rstrip("\r\n")


class _Checking(_Context):
    """A context for checks only: each object is dropped as soon as it ends."""

    @staticmethod
    def object_pairs_hook(pairs: list[tuple[str, Any]]) -> None:  # type: ignore[override]
        return None


skip = make_scanner(_Checking)  # type: ignore[arg-type]


def is_json(text: str) -> bool:
    """True if this is a JSON text. Takes little more memory than the text."""
    try:
        loads(text, skip)
    except (ValueError, RecursionError):
        return False
    return True


def loads_careful(data: str | bytes) -> Any:
    """As `loads`; an object with a member that was written more than once is a `Repeated`."""
    return loads(data, make_scanner(_Careful))  # type: ignore[arg-type]


def dumps(value: Any) -> str:
    """Compact JSON in ASCII. Raises TypeError for values that JSON does not have."""
    return "".join(_encode(value, 0))


def dump_bytes(value: Any) -> bytes:
    """Compact JSON in UTF-8; in ASCII if there is a lone surrogate, which UTF-8 does not have."""
    try:
        return "".join(_encode_utf8(value, 0)).encode()
    except UnicodeEncodeError:
        return dumps(value).encode("ascii")


def quote_utf8(text: str) -> str:
    """A text as JSON in UTF-8, one character for each byte."""
    return dump_bytes(text).decode("latin-1")


# -- values of variables and plans --


def is_number(value: object) -> bool:
    """True if this is a JSON number: infinity and NaN are not."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and -_INFINITY < value < _INFINITY  # type: ignore[operator]


def plain(number: float) -> str:
    """The shortest plain decimal that reads as exactly this number."""
    digits = repr(number)
    mantissa, exponent, places = digits.partition("e-")
    if exponent:
        digits = "0." + "0" * (int(places) - 1) + mantissa.replace(".", "")
    return digits.removesuffix(".0")


def sendable(text: str) -> str:
    """The text. Raises ValueError if the variable's bytes were not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("is not UTF-8 text") from None
    return text


def text_of(value: object, what: str) -> str:
    """The text. Raises ValueError if it is empty or not text."""
    if not isinstance(value, str):
        raise ValueError(f"is not {what}")
    if not value.strip():
        raise ValueError("is empty")
    return sendable(value)


def json_value(value: Any) -> Any:
    """The JSON value in a variable's text. A plan's value is parsed already."""
    if not isinstance(value, str):
        return value
    return loads_or_why(text_of(value, "JSON"))
