"""Where a plan is that may change: a file, or one of AWS's agents on loopback.

It promises that a variable's text is checked before anything is asked, that what is fetched is
bounded in size and time, and that no message repeats what was found, or the name of the place.
https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-integration-lambda-extensions.html
https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-integration-lambda-extensions.html
"""

from __future__ import annotations

import posix

from faultlayer.plan import MAX_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Source: TypeAlias = "File | Ssm | AppConfig"

_FLAGS = posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK  # a FIFO must not hold the start
_SSM_PORT = "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT"
_APPCONFIG_PORT = "AWS_APPCONFIG_EXTENSION_HTTP_PORT"
_TOKEN = "AWS_SESSION_TOKEN"
_LONGEST = 2048  # characters: an ARN may name a parameter
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class File:
    """A plan in a file. It is read when the environment starts, and anew when that is due."""

    kind = "file"
    at_start = True  # whether it can be had before the extension registers
    before_events = True  # whether it can be had before the first invocation
    torn = True  # whether it can be read in the middle of being written

    def __init__(self, path: str) -> None:
        if not path.startswith("/"):
            raise ValueError("is no absolute path")
        self._path = path

    def fetch(self) -> bytes:
        """The file's bytes, at most one more than a plan may have; raises ValueError."""
        data = b""
        try:
            fd = posix.open(self._path, _FLAGS)
            try:
                while len(data) <= MAX_SIZE and (piece := posix.read(fd, MAX_SIZE + 1 - len(data))):
                    data += piece
            finally:
                posix.close(fd)
        except OSError as error:
            reason = posix.strerror(error.errno or 0)
            raise ValueError(f"is a file that cannot be read: {reason}") from None
        except ValueError:
            raise ValueError("is no path that a file could have") from None
        return data


class Ssm:
    """A plan in a parameter, through the AWS Parameters and Secrets Lambda extension.

    It may be asked in the invoke phase alone, and refuses whoever does not know the function's own
    session token.
    """

    kind = "ssm"
    at_start = False
    before_events = False
    torn = False

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        if not 0 < len(name) <= _LONGEST:
            raise ValueError("names no parameter")
        self._port = _port(environ, _SSM_PORT, 2773)
        self._target = b"/systemsmanager/parameters/get?name=%b&withDecryption=true" % quoted(name)
        self._token = environ.get(_TOKEN, "")

    def fetch(self) -> str:
        """The parameter's value; raises ValueError."""
        from faultlayer.agent import ask
        from faultlayer.jsontext import loads

        if not (self._token.isascii() and self._token.isprintable() and self._token):
            raise ValueError(f"is a parameter that cannot be asked for: no {_TOKEN} is set")
        header = b"X-Aws-Parameters-Secrets-Token: %b\r\n" % self._token.encode()
        answer = ask(self._port, self._target, header, 2 * MAX_SIZE)  # JSON within JSON
        try:
            value = loads(answer)["Parameter"]["Value"]
        except (ValueError, KeyError, TypeError, RecursionError):
            value = None
        if not isinstance(value, str):
            raise ValueError("is at an agent whose answer holds no parameter")
        return value


class AppConfig:
    """A plan in a configuration profile, through the AWS AppConfig agent."""

    kind = "appconfig"
    at_start = False
    before_events = True
    torn = False

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        parts = name.split("/")
        if len(parts) != 3 or not all(parts) or len(name) > _LONGEST:
            raise ValueError("is not appconfig:application/environment/profile")
        self._port = _port(environ, _APPCONFIG_PORT, 2772)
        target = b"/applications/%b/environments/%b/configurations/%b"
        self._target = target % tuple(quoted(part, b"%") for part in parts)

    def fetch(self) -> bytes:
        """The configuration as deployed; raises ValueError."""
        from faultlayer.agent import ask

        return ask(self._port, self._target, b"", MAX_SIZE)


def find(text: str, environ: Mapping[str, str]) -> Source:
    """The source that a variable's text names; raises ValueError where it names none."""
    scheme, _, rest = text.partition(":")
    if scheme == File.kind:
        return File(rest)
    return (Ssm if scheme == Ssm.kind else AppConfig)(rest, environ)


def quoted(name: str, but: bytes = b"") -> bytes:
    """The name as a URL spells it (RFC 3986, section 2.1); `but` stays as it is."""
    try:
        raw = name.encode()
    except UnicodeError:
        raise ValueError("is not UTF-8 text") from None
    kept = _PLAIN.union(but)
    return b"".join(b"%c" % byte if byte in kept else b"%%%02X" % byte for byte in raw)


def _port(environ: Mapping[str, str], variable: str, usual: int) -> int:
    text = environ.get(variable, "").strip()
    if not text:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536):
        raise ValueError(f"is behind {variable}, which is no port")
    return int(text)
