"""Host names at other addresses for the function: `--add-host NAME:ADDRESS`.

They stand before the machine's own in the /etc/hosts that the function sees. Binding: hosts(5).
The address `host-gateway` is this machine, as for `docker run --add-host`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from faultlayer_cli.errors import Mistake
from faultlayer_cli.running.ports import LOOPBACK

PATH = Path("/etc/hosts")
GATEWAY = "host-gateway"  # Docker's word for the machine that it runs on
MACHINE = "host.docker.internal"  # Docker Desktop's name for it
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_-]{1,63})*", re.I)
_ALLOWED = (
    f"allowed: NAME:ADDRESS, for example db.example.com:10.0.0.1, or NAME:{GATEWAY}, which is this "
    "machine"
)


def of_options(texts: Sequence[str]) -> dict[str, str]:
    """Name to address; a later option wins. Raises Mistake."""
    found = {}
    for text in texts:
        name, colon, address = text.partition(":")
        if not colon:
            raise Mistake(f"--add-host {text} has no address; {_ALLOWED}")
        if not _NAME.fullmatch(name):
            raise Mistake(f"--add-host {text} does not begin with the name of a host; {_ALLOWED}")
        if address == GATEWAY:
            found[name.lower()] = GATEWAY
            continue
        try:
            found[name.lower()] = str(ipaddress.ip_address(address.strip("[]")))
        except ValueError:
            raise Mistake(f"--add-host {text} does not end with an address; {_ALLOWED}") from None
    return found


def hosts_file(names: Mapping[str, str], machines: str) -> str:
    """The content of /etc/hosts with these names; the machine's own lines follow."""
    found = ((LOOPBACK if each == GATEWAY else each, name) for name, each in names.items())
    return "".join(f"{address} {name}\n" for address, name in found) + machines
