"""An image with the real Lambda Web Adapter: its CMD is a web server, and knows nothing of us."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest

import machine
from fakes.proxied import soon
from images import host, stand_in
from images.tree import folder
from web_adapter import adapter

# As on docs/web-adapter.md, but for the base image and the web server.
IMAGE = """\
FROM {base}
COPY libraries/ /
COPY adapter/ /opt/extensions/
COPY faultlayer/ /opt/
ENV AWS_LWA_LAMBDA_RUNTIME_API_PROXY=127.0.0.1:9747 AWS_LWA_PORT=7000
COPY site/ /var/task/
CMD ["python3", "/var/task/site.py"]
"""
SITE = Path(adapter.__file__).parent / "functions" / "site"
COMMAND = ["python3", "/var/task/site.py"]
Start = Callable[..., Any]


@pytest.fixture(scope="module", params=adapter.VERSIONS)
def web(
    request: pytest.FixtureRequest, client: docker.DockerClient, build: Callable[..., str]
) -> str:
    """The image, with this version of the adapter."""
    try:
        program = adapter.built(request.param, print)
    except adapter.Unavailable as lacking:
        machine.lacks(lacking)
    libraries = {f"libraries/{path}": one for path, one in host.libraries([program]).items()}
    files = {f"adapter/{adapter.NAME}": (0o755, program), **libraries, **folder(SITE, "site")}
    dockerfile = IMAGE.format(base=stand_in.slim(client))
    return build(f"web-{request.param}", dockerfile, **files)


def test_idle_it_works(emulated: Start, web: str) -> None:
    function = emulated(web, COMMAND, FAULTLAYER_STATUS="503", FAULTLAYER_DISABLED="true")
    for _ in range(2):
        answer = json.loads(function.invoke(adapter.request()).body)
        assert json.loads(answer["body"])["path"] == "/hello"
    assert function.lines("fault_injected") == []


def test_armed_it_is_hit(emulated: Start, web: str) -> None:
    function = emulated(web, COMMAND, FAULTLAYER_STATUS="503")
    assert json.loads(function.invoke(adapter.request()).body)["statusCode"] == 503
    assert function.lines("not_redirected") == []


def test_a_crash_ends_the_web_server(emulated: Start, web: str) -> None:
    function = emulated(web, COMMAND, FAULTLAYER_CRASH="before")
    error = json.loads(function.invoke(adapter.request()).body)
    assert error["errorType"] == "Runtime.ExitError"
    assert soon(lambda: function.lines("fault_injected")), "the engine has its log late"
    assert [line["fault"] for line in function.lines("fault_injected")] == ["crash"]
