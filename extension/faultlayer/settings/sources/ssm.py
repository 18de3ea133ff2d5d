"""A plan in an SSM parameter, through the AWS Parameters and Secrets Lambda extension."""

from __future__ import annotations

from faultlayer.settings.draft import MAX_SIZE
from faultlayer.settings.sources.agent_address import LONGEST_NAME, port_of, url_quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_SSM_PORT = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"
_TOKEN = "AWS_SESSION_TOKEN"


class Ssm:
    """A plan in a parameter, through the AWS Parameters and Secrets Lambda extension.

    It answers during invocations only, and only requests with the function's own session token.
    """

    kind = "ssm"
    at_start = False
    before_events = False
    torn = False

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        if not 0 < len(name) <= LONGEST_NAME:
            raise ValueError("does not name a parameter")
        self._port = port_of(environ, _SSM_PORT, 2773)
        self._target = b"/systemsmanager/parameters/get?name=%b&withDecryption=true" % url_quoted(
            name
        )
        self._token = environ.get(_TOKEN, "")

    def fetch(self) -> str:
        """The parameter's value. Raises ValueError."""
        from faultlayer.jsontext import loads
        from faultlayer.wire.loopback_get import ask

        if not (self._token.isascii() and self._token.isprintable() and self._token):
            raise ValueError(f"is a parameter that cannot be read: {_TOKEN} is not set")
        header = b"X-Aws-Parameters-Secrets-Token: %b\r\n" % self._token.encode()
        answer = ask(self._port, self._target, header, 2 * MAX_SIZE)  # JSON within JSON
        try:
            value = loads(answer)["Parameter"]["Value"]
        except (ValueError, KeyError, TypeError, RecursionError):
            value = None
        if not isinstance(value, str):
            raise ValueError("cannot be read: the agent's response holds no parameter")
        return value


SOURCE = Ssm
