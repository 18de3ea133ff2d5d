"""The kinds of values: durations, rates, statuses, messages, JSON; each parsed and bounded once.

Every kind takes the text of an environment variable or the JSON value of a plan and returns the
value the faults use. A wrong value raises ValueError with the mistake; `allowed` describes the
right values. A message never repeats the value: environment values are not to be logged.
"""

from __future__ import annotations

from faultlayer.jsontext import (
    Repeated,
    dumps,
    is_number,
    json_value,
    plain,
    sendable,
    text_of,
    unmarked,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from faultlayer.events.match import Match

_UNITS = (("ms", 1, 1000), ("s", 1, 1), ("m", 60, 1))  # times, per
_NUMBER = frozenset("0123456789.")
LONGEST = 900.0  # seconds: Lambda's longest timeout
MASK = "***"  # in the place of a secret


def _decimal(value: Any) -> float:
    """A plain decimal: no sign, exponent, underscore, infinity or non-ASCII digit."""
    if is_number(value) and 0 <= value < 1e15:
        return float(value)
    decimal = isinstance(value, str) and _NUMBER.issuperset(value) and value.count(".") < 2
    if not decimal or value in ("", "."):
        raise ValueError("is not a number")
    return float(value)


def no_number(kind: str, value: Any) -> ValueError:
    """The error for a value that does not fit this kind."""
    comma = isinstance(value, str) and "," in value
    return ValueError(f"is not {kind}" + (": a fraction has a point, not a comma" if comma else ""))


def duration(value: Any) -> float:
    """Seconds of `300ms`, `1.5s`, `2m` or a bare number of milliseconds."""
    times, per = 1, 1000
    if isinstance(value, str):
        value = value.strip()
        for unit, times_unit, per_unit in _UNITS:
            if value.endswith(unit):
                value, times, per = value[: -len(unit)].rstrip(), times_unit, per_unit
                break
    try:
        number = _decimal(value) * times / per
    except ValueError:
        raise no_number("a duration", value) from None
    if number > LONGEST:
        raise ValueError("is longer than 15m, the longest that Lambda lets a function run")
    return number


def show_duration(seconds: float) -> str:
    """The text that reads as exactly this: in milliseconds if possible, else in seconds."""
    text = plain(round(seconds * 1000, 6))
    return f"{text}ms" if float(text) / 1000 == seconds else f"{plain(seconds)}s"


class Kind:
    """One kind of value: `parse` makes it, `allowed` describes it, `metavar` names it in help."""

    allowed = ""
    metavar = "TEXT"
    example = ""
    empty = False  # True if an empty text is a value

    def parse(self, value: Any) -> Any:
        raise NotImplementedError

    def show(self, value: Any) -> str:
        """The value as a variable would say it: `parse(show(v)) == v`."""
        return str(value)

    def masked(self, value: Any) -> Any:
        """The value as shown to people: MASK replaces possible secrets."""
        return value


class Duration(Kind):
    """A length of time, in seconds."""

    allowed = "a duration up to 15m such as 300ms, 1.5s, 2m or a bare number of milliseconds"
    metavar = "DURATION"
    example = "500ms"

    def parse(self, value: Any) -> float:
        return duration(value)

    def show(self, value: Any) -> str:
        return show_duration(value)


class DurationRange(Kind):
    """A length of time or a uniform range of it: a pair of seconds, low and high."""

    allowed = (
        "a duration up to 15m such as 300ms, 1.5s, 2m or a bare number of milliseconds, "
        "or a range of them such as 100ms..400ms"
    )
    metavar = "DURATION"
    example = "300ms"

    def parse(self, value: Any) -> tuple[float, float]:
        if isinstance(value, str) and ".." in value:
            first, _, second = value.partition("..")
            low, high = duration(first), duration(second)
            if low > high:
                raise ValueError("is a range whose start is above its end")
            return low, high
        low = duration(value)
        return low, low

    def show(self, value: Any) -> str:
        low, high = value
        return show_duration(low) if low == high else f"{show_duration(low)}..{show_duration(high)}"


class Rate(Kind):
    """A share of invocations, 0 to 1."""

    allowed = "a rate from 0 to 1 or 0% to 100%, such as 0.2 or 20%"
    metavar = "RATE"
    example = "20%"

    def parse(self, value: Any) -> float:
        per = 1
        if isinstance(value, str):
            value = value.strip()
            if value.endswith("%"):
                value, per = value[:-1].rstrip(), 100
        try:
            rate = _decimal(value) / per
        except ValueError:
            raise no_number("a rate", value) from None
        if rate > 1:
            forgotten = f": {plain(rate)}%?" if per == 1 and rate <= 100 else ""
            raise ValueError(f"is above 1, which is 100%{forgotten}")
        return rate

    def show(self, value: Any) -> str:
        return plain(value)


class Whole(Kind):
    """A whole number between two bounds."""

    metavar = "NUMBER"

    def __init__(self, low: int, high: int, example: str = "") -> None:
        self.low, self.high = low, high
        self.allowed = f"a whole number from {low} to {high}"
        self.example = example or str(low)

    def parse(self, value: Any) -> int:
        if isinstance(value, str):
            text = value.strip()
            if not (text.isascii() and text.isdigit()) or len(text) > 18:
                raise ValueError("is not a whole number")
            value = int(text)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError("is not a whole number")
        if not self.low <= value <= self.high:
            raise ValueError(f"is outside {self.low} to {self.high}")
        return value


class Choice(Kind):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.allowed = "one of " + ", ".join(words)
        self.metavar = "|".join(words)
        self.example = words[-1]

    def parse(self, value: Any) -> str:
        word = value.strip().lower() if isinstance(value, str) else value
        if word not in self.words:
            raise ValueError("is not one of " + ", ".join(self.words))
        return str(word)


class Several(Kind):
    """Some of a few words, with commas or as a list."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.allowed = f"a list, with commas, of: {self._listed}"
        self.metavar = ",".join(words)
        self.example = words[0]

    def parse(self, value: Any) -> tuple[str, ...]:
        if isinstance(value, str):
            value = value.split(",") if value.strip() else []
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise ValueError("is not a list of words")
        if not value:
            raise ValueError("is empty")
        words = [word.strip().lower() for word in value]
        for number, word in enumerate(words, 1):
            if word not in self.words:
                raise ValueError(f"is wrong in entry {number}: it is not one of {self._listed}")
        return tuple(dict.fromkeys(words))

    @property
    def _listed(self) -> str:
        return ", ".join(self.words)

    def show(self, value: Any) -> str:
        return ",".join(value)


class Flag(Kind):
    """True or false."""

    allowed = "true or false (or 1, 0, yes, no, on, off)"
    metavar = "true|false"
    example = "true"

    def parse(self, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        word = value.strip().lower() if isinstance(value, str) else ""
        if word in ("true", "1", "yes", "on"):
            return True
        if word in ("false", "0", "no", "off"):
            return False
        raise ValueError("is neither true nor false")

    def show(self, value: Any) -> str:
        return "true" if value else "false"


class Text(Kind):
    """Any text; empty, or a whole number in a plan, only if the option asks for it."""

    def __init__(
        self, allowed: str, example: str, *, empty: bool = False, number: bool = False
    ) -> None:
        self.allowed, self.example, self.empty, self.number = allowed, example, empty, number

    def parse(self, value: Any) -> str:
        if self.number and isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if self.empty and isinstance(value, str):
            return sendable(value)
        return unmarked(text_of(value, "text"))


class HeaderSet(Kind):
    """A JSON object of header names to texts; null, if allowed, removes the header."""

    metavar = "JSON"

    def __init__(self, *, remove: bool) -> None:
        self.remove = remove
        self.allowed = "a JSON object of header names to texts"
        self.example = '{"retry-after":"5"}'
        if remove:
            self.allowed += " or null, which removes the header"
            self.example = '{"access-control-allow-origin":null}'

    def parse(self, value: Any) -> dict[str, str | None]:
        headers = json_value(value)
        if not isinstance(headers, dict) or not headers:
            raise ValueError("is not a JSON object with at least one member")
        if isinstance(headers, Repeated):
            raise ValueError("has a member that is given more than once")
        result: dict[str, str | None] = {}
        for name, text in headers.items():
            if not _is_token(name):
                raise ValueError("has a member that is no header name")
            if is_number(text):
                text = str(text)
            if not (isinstance(text, str) or (text is None and self.remove)):
                raise ValueError("has a member that is neither text nor number" + self._or_null)
            if text is not None and any(c in text for c in "\r\n\0"):
                raise ValueError("has a line break or NUL in a header's text")
            result[name] = text if text is None else sendable(text)
        return result

    @property
    def _or_null(self) -> str:
        return " nor null" if self.remove else ""

    def show(self, value: Any) -> str:
        return dumps(value)


class Matching(Kind):
    """Conditions on events: paths, and operators on the values there."""

    metavar = "MATCH"
    allowed = (
        '`path=value,path` (no value: it exists; 5 is 5 or "5"), or a JSON object of paths to a '
        "value or to an object of equals, prefix, regex, exists, in"
    )
    example = "requestContext.http.method=GET"

    def parse(self, value: Any) -> Match:
        from faultlayer.events.match import parse

        return parse(value if isinstance(value, dict) else unmarked(text_of(value, "a match")))

    def show(self, value: Any) -> str:
        return str(value.show())


class Instant(Kind):
    """A point in time, in seconds since the epoch."""

    metavar = "TIME"
    allowed = "a time in ISO 8601 with Z or an offset, such as 2027-01-31T18:00:00+01:00"
    example = "2027-01-31T17:00:00Z"

    def parse(self, value: Any) -> float:
        from faultlayer.values.instant import parse

        return parse(text_of(value, "a time in ISO 8601"))

    def show(self, value: Any) -> str:
        from faultlayer.values.instant import show

        return show(value)


class PlanOrPlace(Kind):
    """A plan, or the place of one."""

    metavar = "FILE"
    allowed = (
        "a plan in JSON, or where it is: `file:` and its absolute path, `ssm:` and its parameter's "
        "name, or `appconfig:application/environment/profile`"
    )
    example = "file:/var/task/plan.json"
    schemes = ("file:", "ssm:", "appconfig:")

    def parse(self, value: Any) -> str:
        text = text_of(value, "a plan").strip()
        if not text.startswith(("{", *self.schemes)):
            raise ValueError("is neither a JSON object nor one of " + ", ".join(self.schemes))
        return text


_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def _is_token(name: object) -> bool:
    """RFC 9110 section 5.1: a field name is a token."""
    return isinstance(name, str) and bool(name) and _TOKEN.issuperset(name)


def host_and_port(text: str) -> tuple[str, int]:
    """Host and port of `host:port`; raises ValueError if it is not that."""
    host, colon, port = text.strip().rpartition(":")
    named = colon and host and host.isascii() and host.isprintable() and " " not in host
    numbered = port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536
    if not (named and numbered):
        raise ValueError("is not host:port")
    return host, int(port)
