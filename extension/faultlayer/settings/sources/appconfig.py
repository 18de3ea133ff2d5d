"""A plan in an AppConfig configuration profile, through the AWS AppConfig agent."""

from __future__ import annotations

from faultlayer.settings.draft import MAX_SIZE
from faultlayer.settings.sources.agent_address import LONGEST_NAME, port_of, url_quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_APPCONFIG_PORT = "AWS_APPCONFIG_EXTENSION_HTTP_PORT"


class AppConfig:
    """A plan in a configuration profile, through the AWS AppConfig agent."""

    kind = "appconfig"
    at_start = False
    before_events = True
    torn = False

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        parts = name.split("/")
        if len(parts) != 3 or not all(parts) or len(name) > LONGEST_NAME:
            raise ValueError("is not appconfig:application/environment/profile")
        self._port = port_of(environ, _APPCONFIG_PORT, 2772)
        target = b"/applications/%b/environments/%b/configurations/%b"
        self._target = target % tuple(url_quoted(part, b"%") for part in parts)

    def fetch(self) -> bytes:
        """The configuration as deployed. Raises ValueError."""
        from faultlayer.wire.loopback_get import ask

        return ask(self._port, self._target, b"", MAX_SIZE)


SOURCE = AppConfig
