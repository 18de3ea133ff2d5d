"""Name entries of HOSTS without effect, such as addresses for lookups.

    HOSTS of a rule ── each entry, against the fault, the way and the exclusions ──> one line each

The extension takes such entries, so a doubt is a warning and no mistake.
"""

from __future__ import annotations

from collections.abc import Iterator

from faultlayer.values.hosts import Hosts, is_local

_BY_PROXY = "proxy"


def without_effect(hosts: Hosts, redirect: str, *, names_only: bool) -> Iterator[str]:
    """A line for each entry without effect, with the reason.

    `names_only`: the fault hits lookups, which have neither an address nor a port.
    """
    for entry in hosts.entries:
        if names_only and entry.of_addresses:
            yield f"has no use for {entry.written}: a lookup is of a name; allowed: names"
        elif names_only and entry.excluded and entry.port:
            name = entry.written.rpartition(":")[0]
            yield f"has no use for {entry.written}: a lookup has no port; allowed: {name}"
        elif entry.excluded and entry.written.lstrip("! ") == "*":
            yield f"excludes all hosts by {entry.written}, so nothing can be hit"
        elif not entry.excluded and entry.only() is not None:
            yield from _of_one(
                hosts, *(entry.only() or ("", None)), entry.port, entry.written, redirect
            )


def _of_one(
    hosts: Hosts, name: str, address: bytes | None, port: int, written: str, redirect: str
) -> Iterator[str]:
    # Names are excluded by patterns, too: an address may have a name that is not known here.
    excluded = [each for each in hosts.entries if each.excluded]
    if address is not None:
        excluded = [each for each in excluded if each.of_addresses]
    if any(each.meets(name, address, port) for each in excluded):
        yield f"has no use for {written}: another entry excludes it"
    elif redirect == _BY_PROXY and is_local(name, address):
        yield (
            f"has no use for {written}: with FAULTLAYER_REDIRECT=proxy loopback and link-local "
            "addresses are out of reach"
        )
