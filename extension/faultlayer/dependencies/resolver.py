"""The time until a DNS lookup without an answer fails, by resolv.conf(5).

The C library asks each server in turn, and all of them again. It waits longer for later servers,
and at least a second. With domains to search it asks for the name as it is and with the first of
them, or the other way round (tried with glibc 2.36).
"""

from __future__ import annotations

import posix

_SETTINGS = "/etc/resolv.conf"
_SIZE = 65536  # bytes; real ones have a few hundred
_MOST_SERVERS = 3  # <resolv.h>
_MOST = {"timeout": 30, "attempts": 5}


def unanswered(path: str = _SETTINGS) -> int:
    """Milliseconds until the C library gives up a lookup.

    Settings that resolv.conf does not have are the C library's defaults.
    """
    servers, names = 0, 1
    options = {"timeout": 5, "attempts": 2}
    for line in _read(path).splitlines():
        word, *values = line.split() or [""]
        if word == "nameserver" and values:
            servers += 1
        elif word in ("search", "domain") and values:
            names = 2
        elif word == "options":
            for option in values:
                name, _, number = option.partition(":")
                if name in options and number.isdigit():
                    options[name] = min(int(number), _MOST[name])
    servers = max(1, min(servers, _MOST_SERVERS))
    waits = [(options["timeout"] << place) // (servers if place else 1) for place in range(servers)]
    return names * options["attempts"] * sum(max(1, wait) for wait in waits) * 1000


def _read(path: str) -> str:
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
        try:
            return posix.read(fd, _SIZE).decode("utf-8", "replace")
        finally:
            posix.close(fd)
    except OSError:
        return ""
