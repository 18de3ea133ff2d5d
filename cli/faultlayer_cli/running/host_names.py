"""Names of hosts that a function is to find at other addresses: `--add-host NAME:ADDRESS`.

They stand before the machine's own in the /etc/hosts that the function sees. Binding: hosts(5).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from faultlayer_cli.errors import Mistake

PATH = Path("/etc/hosts")
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_-]{1,63})*", re.I)
_ALLOWED = "allowed: NAME:ADDRESS, for example db.example.com:127.0.0.1"


def of_options(texts: Sequence[str]) -> dict[str, str]:
    """Name to address; a later option wins. Raises Mistake."""
    found = {}
    for text in texts:
        name, colon, address = text.partition(":")
        if not colon:
            raise Mistake(f"--add-host {text} has no address; {_ALLOWED}")
        if not _NAME.fullmatch(name):
            raise Mistake(f"--add-host {text} does not begin with the name of a host; {_ALLOWED}")
        try:
            found[name.lower()] = str(ipaddress.ip_address(address.strip("[]")))
        except ValueError:
            raise Mistake(f"--add-host {text} does not end with an address; {_ALLOWED}") from None
    return found


def hosts_file(names: Mapping[str, str], machines: str) -> str:
    """The content of /etc/hosts with these names; the machine's own lines follow."""
    return "".join(f"{address} {name}\n" for name, address in names.items()) + machines
