"""The address of an AWS agent on loopback: its port, and names quoted for its URLs."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_NAME = 2048  # characters: an ARN may name a parameter
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def url_quoted(name: str, but: bytes = b"") -> bytes:
    """Quote a name for a URL (RFC 3986, section 2.1). The bytes of `but` stay as they are."""
    try:
        raw = name.encode()
    except UnicodeError:
        raise ValueError("is not UTF-8 text") from None
    kept = _PLAIN.union(but)
    return b"".join(b"%c" % byte if byte in kept else b"%%%02X" % byte for byte in raw)


def port_of(environ: Mapping[str, str], variable: str, usual: int) -> int:
    text = environ.get(variable, "").strip()
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536):
        raise ValueError(f"cannot be read: {variable} is not a port")
    return int(text)
