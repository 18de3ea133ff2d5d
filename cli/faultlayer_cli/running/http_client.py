"""HTTP as a client: one request to a program on this machine, over a connection of its own.

The only module that imports `requests`. Every request has a time limit, no proxy of the user's
environment is asked, and every error is a `Failure` of one line.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faultlayer_cli.errors import Failure

# A connection that is kept could be closed by a function that crashes, under the next request.
_HEADERS = {"Accept-Encoding": "identity", "Connection": "close"}


class NoAnswer(Failure):
    """Nobody answered, or the answer was cut off."""


class Refused(NoAnswer):
    """Nobody listens: the request reached nobody."""


@dataclass(frozen=True)
class Response:
    """The response to a request; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.body)


def send(
    method: str,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    limit: float,
) -> Response:
    """Send one request and read its answer, in `limit` seconds for each of its pieces at most."""
    import requests  # takes 0.1 s, and `faultlayer local --help` sends nothing

    began = time.perf_counter()
    with requests.Session() as session:
        session.trust_env = False  # a proxy cannot reach our loopback address
        try:
            response = session.request(
                method,
                url,
                data=body,
                headers={**_HEADERS, **(headers or {})},
                timeout=limit,
                allow_redirects=False,
            )
        except requests.Timeout:
            raise NoAnswer(f"no answer within {limit:g} s") from None
        except requests.RequestException as error:
            innermost = _innermost(error)
            kind = Refused if isinstance(innermost, ConnectionRefusedError) else NoAnswer
            raise kind(_reason(innermost)) from None
    seconds = time.perf_counter() - began
    named = {name.lower(): value for name, value in response.headers.items()}
    return Response(response.status_code, named, response.content, seconds)


def _innermost(error: BaseException) -> BaseException:
    """The exception that all others were raised for."""
    found = error
    while inner := found.__cause__ or found.__context__:
        found = inner
    return found


def _reason(error: BaseException) -> str:
    """The reason of an exception in one line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())
