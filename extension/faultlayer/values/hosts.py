"""Lists of hosts: names, addresses, networks and expressions, with ports.

    "*.example.com:443, 10.0.0.0/8, /^db-[0-9]+$/, !cache.example.com"  ──parse──>  Hosts.matches

An entry after `!` is excluded, and exclusions win. Without any other entry, all hosts are meant but
loopback and link-local addresses. Those are meant only by an entry that names them: no `*`, no
regular expression, and no network that is wider (0.0.0.0/0) reaches them, since the function's own
runtime and its extensions live there. An exclusion reaches them in any case.
"""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, inet_ntop, inet_pton  # text to bytes: no socket is made here

from faultlayer.values.kinds import Kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from faultlayer.events.regex import Pattern

_MOST = 64  # entries of a list
_LONGEST = 253  # characters of a name (RFC 1035, section 2.3.4)
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.*")
_SIGNS = frozenset(".*")
_OF_ADDRESSES = frozenset("0123456789.*")
_MAPPED = b"\0" * 10 + b"\xff\xff"  # an IPv4 address as IPv6 (RFC 4291, section 2.5.5.2)
_LOCAL = (
    (b"\x7f\0\0\0", 8),  # loopback (RFC 1122, section 3.2.1.3)
    (b"\xa9\xfe\0\0", 16),  # link-local (RFC 3927)
    (b"\0" * 15 + b"\1", 128),
    (b"\xfe\x80" + b"\0" * 14, 10),
    (b"\0\0\0\0", 32),  # "this host": connects to loopback
    (b"\0" * 16, 128),
)


def plain_address(address: bytes) -> bytes:
    """An address of 4 or 16 bytes; an IPv4 address that is written as IPv6 becomes plain IPv4."""
    return address[12:] if len(address) == 16 and address.startswith(_MAPPED) else address


def address_text(address: bytes) -> str:
    """The address as people write it."""
    return inet_ntop(AF_INET if len(address) == 4 else AF_INET6, address)


def _within(address: bytes, network: bytes, bits: int) -> bool:
    if len(address) != len(network):
        return False
    shift = 8 * len(address) - bits
    return int.from_bytes(address, "big") >> shift == int.from_bytes(network, "big") >> shift


def is_local(name: str, address: bytes | None) -> bool:
    """True if this is loopback or link-local, or a name for it (RFC 6761, section 6.3)."""
    if address is not None:
        return any(_within(address, *network) for network in _LOCAL)
    return name == "localhost" or name.endswith(".localhost")


class _Entry:
    """An entry of a list of hosts.

    `port` 0 means any. `of_addresses`: it is an address, or a network.
    """

    __slots__ = ("excluded", "port", "written")
    of_addresses = False

    def __init__(self, written: str, excluded: bool, port: int) -> None:
        self.written = written
        self.excluded = excluded
        self.port = port

    def only(self) -> tuple[str, bytes | None] | None:
        """The name or address of this entry; None if it means several."""
        return None

    def meets(self, name: str, address: bytes | None, port: int) -> bool:
        """True if it means this host. Port 0: the port is not known yet, as for a lookup."""
        if self.port and self.port != port and (port or self.excluded):
            return False
        return self._names(name, address)

    def _names(self, name: str, address: bytes | None) -> bool:
        raise NotImplementedError


class _Named(_Entry):
    """A name, with `*` for any characters."""

    __slots__ = ("_parts",)

    def __init__(self, text: str, written: str, excluded: bool, port: int) -> None:
        super().__init__(written, excluded, port)
        if not _NAME.issuperset(text) or len(text) > _LONGEST:
            raise ValueError("is no host name, address, network or /regex/")
        if "" in text.split("."):
            raise ValueError("is no host name: a part between its dots is empty")
        self._parts = text.split("*")

    def only(self) -> tuple[str, bytes | None] | None:
        return (self._parts[0], None) if len(self._parts) == 1 else None

    def _names(self, name: str, address: bytes | None) -> bool:
        first, *others = self._parts
        if not others:
            return name == first
        last = others.pop()
        if len(name) < len(first) + len(last):
            return False
        if not self.excluded and is_local(name, address):
            return False
        if not name.startswith(first) or not name.endswith(last):
            return False
        at, end = len(first), len(name) - len(last)
        for part in others:
            found = name.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True


class _Network(_Entry):
    """An address, or a network in CIDR notation (RFC 4632).

    One that is wider than loopback, such as 0.0.0.0/0, does not name that.
    """

    __slots__ = ("_bits", "_is_local", "_network")
    of_addresses = True

    def __init__(self, network: bytes, bits: int, written: str, excluded: bool, port: int) -> None:
        super().__init__(written, excluded, port)
        self._network, self._bits = network, bits
        self._is_local = any(
            bits >= least and _within(network, base, least) for base, least in _LOCAL
        )

    def only(self) -> tuple[str, bytes | None] | None:
        return ("", self._network) if self._bits == 8 * len(self._network) else None

    def _names(self, name: str, address: bytes | None) -> bool:
        if address is None or not _within(address, self._network, self._bits):
            return False
        return self._is_local or self.excluded or not is_local(name, address)


class _Expression(_Entry):
    """A regular expression, found anywhere in the name, or in the address if there is no name."""

    __slots__ = ("_pattern",)

    def __init__(self, pattern: Pattern, written: str, excluded: bool, port: int) -> None:
        super().__init__(written, excluded, port)
        self._pattern = pattern

    def _names(self, name: str, address: bytes | None) -> bool:
        if not self.excluded and is_local(name, address):
            return False
        return self._pattern.search(name or address_text(address or b"\0\0\0\0"))


class Hosts:
    """A parsed list of hosts."""

    __slots__ = ("_excluded", "_meant", "entries")

    def __init__(self, entries: list[_Entry]) -> None:
        self.entries = entries
        self._meant = [entry for entry in entries if not entry.excluded]
        self._excluded = [entry for entry in entries if entry.excluded]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hosts) and self.show() == other.show()

    def __hash__(self) -> int:
        return hash(self.show())

    def show(self) -> str:
        """The list as people write it."""
        return ",".join(entry.written for entry in self.entries)

    def matches(self, name: str, address: bytes | None, port: int) -> bool:
        """True if this host is meant.

        `name` in lower case, empty if not known; `address` as from `plain_address`, None if not
        known yet; `port` 0 if not known yet.
        """
        if any(entry.meets(name, address, port) for entry in self._excluded):
            return False
        if not self._meant:
            return not is_local(name, address)
        return any(entry.meets(name, address, port) for entry in self._meant)


def _split(text: str) -> list[str]:
    """The entries of a text: commas part them, but not within `/regex/`."""
    entries, start, at, inside = [], 0, 0, False
    while at < len(text):
        sign = text[at]
        begins = text[start:at].strip() in ("", "!")
        if sign == "\\" and inside:
            at += 1
        elif sign == "/" and (inside or begins):
            inside = not inside
        elif sign == "," and not inside:
            entries.append(text[start:at])
            start = at + 1
        at += 1
    return [*entries, text[start:]]


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 5 or not 0 < int(text) < 65536:
        raise ValueError("has a port that is no number from 1 to 65535")
    return int(text)


def _address(text: str) -> bytes | None:
    for family in (AF_INET, AF_INET6):
        try:
            return plain_address(inet_pton(family, text))
        except OSError:
            pass
    return None


def _entry(written: str) -> _Entry:
    text = written.strip()
    excluded = text.startswith("!")
    text = text[1:].strip() if excluded else text
    if not text:
        raise ValueError("is empty")
    if "://" in text and not text.startswith("/"):
        raise ValueError("is a URL; a host stands without scheme and path")
    if text.startswith("/"):
        pattern, slash, port = text[1:].rpartition("/")
        if not slash or not pattern or (port and not port.startswith(":")):
            raise ValueError("begins with / but is no /regex/, or /regex/:port")
        from faultlayer.events.regex import compile

        number = _port(port[1:]) if port else 0
        return _Expression(compile(pattern), written.strip(), excluded, number)
    text = text.lower()
    host, colon, port = text.rpartition(":")
    if text.startswith("["):  # an IPv6 address with a port
        host, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ValueError("begins with [ but is no [address] or [address]:port")
        colon, port = port[:1], port[1:]
        if _address(host) is None:
            raise ValueError("has no IPv6 address between [ and ]")
    elif not colon or ":" in host:
        host, colon = text, ""
    number = _port(port) if colon else 0
    base, slash, bits = host.partition("/")
    address = _address(base)
    if address is None:
        if slash:
            raise ValueError("is no network in CIDR notation, such as 10.0.0.0/8")
        if base.rpartition(".")[2].isdigit() or ":" in base:
            raise ValueError("is no address")
        if "." in base and _OF_ADDRESSES.issuperset(base) and not _SIGNS.issuperset(base):
            raise ValueError("is no network: * stands in names alone, so write it as 10.0.0.0/8")
        base = base.removesuffix(".")  # names are known without the dot of the root (RFC 1034)
        return _Named(base, written.strip(), excluded, number)
    whole = 8 * len(address)
    if slash and (not bits.isascii() or not bits.isdigit() or len(bits) > 3 or int(bits) > whole):
        raise ValueError(f"is no network: after / stands a number from 0 to {whole}")
    size = int(bits) if slash else whole
    low = int.from_bytes(address, "big") & ((1 << (whole - size)) - 1)
    if low:
        raise ValueError("is no network: it has bits after its prefix")
    return _Network(address, size, written.strip(), excluded, number)


class HostList(Kind):
    """A list of hosts, of a text or of a list of texts.

    `names_only`: lookups are matched with it, which have neither an address nor a port.
    """

    metavar = "HOSTS"
    allowed = (
        "a list of names (`*` is any characters), addresses, networks such as 10.0.0.0/8, or "
        "/regex/, each with an optional :port; ! before one excludes it"
    )
    example = "*.example.com:443,!status.example.com"

    def __init__(self, *, names_only: bool = False) -> None:
        self.names_only = names_only

    def parse(self, value: Any) -> Hosts:
        if isinstance(value, str):
            value = _split(value.strip())
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise ValueError("is not a list of hosts")
        if not value or value == [""]:
            raise ValueError("is empty")
        if len(value) > _MOST:
            raise ValueError(f"has more than {_MOST} entries")
        entries = []
        for number, written in enumerate(value, 1):
            try:
                entries.append(_entry(written))
            except ValueError as error:
                raise ValueError(f"is wrong in entry {number}: it {error}") from None
        return Hosts(entries)

    def show(self, value: Any) -> str:
        return str(value.show())


EVERYWHERE = HostList().parse("*")  # but loopback and link-local addresses
