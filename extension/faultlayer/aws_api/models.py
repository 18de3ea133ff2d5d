"""Models of AWS services: operations, errors and hosts.

One file for each service, made from botocore's models (`layer/aws_models.py` says what is in it).
A service's name is the end of its endpoint variable, in small letters: `secrets_manager` for
AWS_ENDPOINT_URL_SECRETS_MANAGER.
"""

from __future__ import annotations

import posix

from faultlayer.environment.read import read
from faultlayer.jsontext import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from faultlayer.aws_api.operations import Route

_FOLDER = __file__.rsplit("/", 1)[0] + "/services"
_SUFFIXES = (  # partition by the begin of its regions' names; all others are in `aws`
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov"),
)


class Service:
    """A service's model.

    - `operations`: by name, the route of a REST operation (`GET /{Bucket}?acl ?needed :needed`),
      else nothing; `events` or `*` in it: an event stream
    - `errors`: by code, [status], or [status, the exception's name in the model]; 0: no status
    - `from_query`: it spoke the query protocol once, and clients may expect its error codes
    """

    __slots__ = (
        "_host",
        "_hosts",
        "errors",
        "from_query",
        "id",
        "json_version",
        "name",
        "operations",
        "protocols",
        "routes",
        "target",
        "version",
        "xml_namespace",
    )

    def __init__(self, name: str, model: dict[str, Any]) -> None:
        self.name = name
        self.id: str = model["id"]
        self.version: str = model["version"]
        self.protocols: list[str] = model["protocols"]
        self.target: str = model.get("target", "")
        self.json_version: str = model.get("json", "1.0")
        self.xml_namespace: str = model.get("xml", "")
        self.from_query: bool = model.get("from_query", False)
        self.routes: dict[str, list[Route]] | None = None  # read from `operations` when needed
        self.operations: dict[str, str] = model["operations"]
        self.errors: dict[str, list[Any]] = model["errors"]
        self._host: str = model.get("host", "")
        self._hosts: dict[str, str] = model.get("hosts", {})

    def host(self, region: str) -> str:
        """The service's host in this region; empty if unknown.

        It is unknown if it depends on more than the region.
        """
        pattern = self._hosts.get(region, self._host)
        return pattern.replace("{region}", region).replace("{suffix}", suffix(region))

    def signs_elsewhere(self, region: str) -> bool:
        """True if this region's clients call a host of another region.

        Such a host takes signatures for its own region only. An SDK with an endpoint variable
        signs for the client's region, so the host would refuse it.
        """
        return region not in self.host(region)


def suffix(region: str) -> str:
    """The end of the host names in this region's partition."""
    for start, end in _SUFFIXES:
        if region.startswith(start):
            return end
    return "amazonaws.com"


def names() -> list[str]:
    """All services, in order."""
    return sorted(name[:-5] for name in posix.listdir(_FOLDER) if name.endswith(".json"))


def load(name: str) -> Service | None:
    """The service of this name; None if there is none."""
    if not name.replace("_", "").isalnum() or not name.isascii():
        return None
    text = read(f"{_FOLDER}/{name}.json")
    return Service(name, loads(text)) if text else None
