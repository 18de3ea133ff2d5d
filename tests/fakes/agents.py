"""AWS's two agents as their manuals describe them, and whatever may be wrong with one.

https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-integration-lambda-extensions.html
https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-integration-lambda-extensions.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from fakes.scripted import Conn, Server
from fakes.wire import Message

TOKEN = "the-function's-own-token"
Trouble = Callable[[Conn], None]


def answered(status: int, body: bytes, kind: bytes = b"application/json") -> bytes:
    head = b"HTTP/1.1 %d Whatever\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    return head % (status, kind, len(body)) + body


def text_of(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


class Agent(Server):
    """Answers with `document`, unless there is `trouble`, which is given each connection then."""

    def __init__(self, document: Any = None) -> None:
        self.document: Any = {} if document is None else document
        self.trouble: Trouble | None = None
        self.asked: list[float] = []  # when, by time.monotonic
        super().__init__(self._script)

    def _script(self, conn: Conn) -> None:
        request = conn.request()
        if request is None:
            return
        self.asked.append(time.monotonic())
        if self.trouble is not None:
            self.trouble(conn)
        else:
            conn.send(self.reply(request))

    def reply(self, request: Message) -> bytes:
        raise NotImplementedError


class SsmAgent(Agent):
    """The AWS Parameters and Secrets Lambda extension, for one parameter."""

    kind = "ssm"
    source = "ssm:/chaos/plan"

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": str(self.address[1]),
            "AWS_SESSION_TOKEN": TOKEN,
        }

    def reply(self, request: Message) -> bytes:
        if request.header("x-aws-parameters-secrets-token") != TOKEN:
            return answered(401, b"unauthorized", b"text/plain")
        url = urlsplit(request.target)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path != "/systemsmanager/parameters/get" or "/" in url.query:
            return answered(404, b"404 page not found", b"text/plain")
        if asked != {"name": "/chaos/plan", "withDecryption": "true"}:
            return answered(400, b"an unexpected error occurred", b"text/plain")
        parameter = {"Name": "/chaos/plan", "Type": "String", "Value": text_of(self.document)}
        return answered(200, json.dumps({"Parameter": parameter, "ResultMetadata": {}}).encode())


class AppConfigAgent(Agent):
    """The AWS AppConfig agent, for one profile."""

    kind = "appconfig"
    source = "appconfig:my app/prod/chaos"

    @property
    def environ(self) -> dict[str, str]:
        return {"AWS_APPCONFIG_EXTENSION_HTTP_PORT": str(self.address[1])}

    def reply(self, request: Message) -> bytes:
        if " " in request.target or unquote(request.target) != (
            "/applications/my app/environments/prod/configurations/chaos"
        ):
            return answered(404, b'{"Message":"Application, environment or profile not found"}')
        return answered(200, text_of(self.document).encode())


# -- troubles ---------------------------------------------------------------------------------


def says(raw: bytes) -> Trouble:
    return lambda conn: conn.send(raw)


def not_ready(conn: Conn) -> None:
    """What the Parameters and Secrets extension says before Lambda has invoked the function."""
    conn.send(answered(400, b"not ready to serve traffic, please wait", b"text/plain"))


def silent(conn: Conn) -> None:
    """Accepts, and says nothing for as long as it is waited for."""
    conn.request()


def late(seconds: float, raw: bytes) -> Trouble:
    def answer(conn: Conn) -> None:
        time.sleep(seconds)
        conn.send(raw)

    return answer


def dripping(conn: Conn) -> None:
    """A byte now and then, without an end."""
    conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        conn.send(b" ")
        time.sleep(0.05)


def reset(conn: Conn) -> None:
    conn.reset()


def cut(conn: Conn) -> None:
    conn.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"faults"')
