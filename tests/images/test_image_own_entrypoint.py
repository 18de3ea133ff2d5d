"""Images that are not AWS's: the runtime client is the entrypoint, and maybe there is no shell.

Lambda starts the layer's extension and then the image's entrypoint; here the emulator does, mounted
as AWS's documentation tells to try such images.
https://docs.aws.amazon.com/lambda/latest/dg/python-image.html#python-image-clients
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fakes.proxied import soon
from faultlayer_cli.running import downloads
from images import host, stand_in
from images.tree import folder

ORDER = {"order": "A-1"}
WRAPPED = ["/opt/faultlayer-wrapper", "python3", "-m", "awslambdaric", "app.handler"]
CLIENT = ["/usr/local/bin/python3", "-m", "awslambdaric", "app.handler"]
LAMBDAS_ADDRESS = "127.0.0.1:9001"  # the emulator's own default

# As python3-debian12 of the distroless images, with the function and a shell that is not /bin/sh,
# like the one in their :debug variants.
BARE = """\
FROM {base}
WORKDIR /function
COPY client/ ./
COPY faultlayer/ /opt/
COPY app.py ./
"""
SHELL = "COPY shell/ /\n"


@pytest.fixture(scope="module")
def slim(client, build, own_entrypoint):
    """The example's second Dockerfile, on the stand-in for python:3.11-slim."""
    official = "FROM python:3.11-slim\n"
    assert official in own_entrypoint
    base = stand_in.slim(client)
    return build("own-entrypoint", own_entrypoint.replace(official, f"FROM {base}\n"))


@pytest.fixture(scope="module")
def bare(client, build):
    """The same function with no shell in the image."""
    dockerfile = BARE.format(base=stand_in.distroless(client))
    return build("bare", dockerfile, **folder(downloads.runtime(), "client"))


@pytest.fixture(scope="module")
def with_a_shell(client, build):
    """The same with a shell in an unusual place."""
    shell = Path(shutil.which("sh") or "/bin/sh")
    files = {f"shell/{path}": entry for path, entry in host.libraries([shell]).items()}
    files |= {"shell/busybox/sh": (0o755, shell)} | folder(downloads.runtime(), "client")
    return build("shell", BARE.format(base=stand_in.distroless(client)) + SHELL, **files)


def shipped(answer):
    return json.loads(json.loads(answer.body)["body"])["shipped"]


def test_the_examples_entrypoint_and_command_are_what_these_tests_run(client, slim):
    config = client.images.get(slim).attrs["Config"]
    assert config["Entrypoint"] + config["Cmd"] == WRAPPED


def test_unset_the_client_keeps_the_emulators_address(emulated, slim):
    function = emulated(slim, WRAPPED)
    assert shipped(function.invoke(ORDER)) == "A-1"
    assert function.runtime_api() == LAMBDAS_ADDRESS
    assert function.lines("fault_injected") == []


def test_latency(emulated, slim):
    function = emulated(slim, WRAPPED, FAULTLAYER_LATENCY="300ms")
    function.invoke(ORDER)  # the cold start
    answer = function.invoke(ORDER)
    assert shipped(answer) == "A-1"
    assert 0.3 <= answer.seconds < 3
    assert function.runtime_api() != LAMBDAS_ADDRESS
    assert [line["delay_ms"] for line in function.lines("fault_injected")] == [300, 300]
    assert function.lines("not_redirected") == []


def test_status(emulated, slim):
    function = emulated(slim, WRAPPED, FAULTLAYER_STATUS="503")
    assert json.loads(function.invoke(ORDER).body)["statusCode"] == 503
    assert "shipping" not in function.log


def test_exception(emulated, slim):
    function = emulated(slim, WRAPPED, FAULTLAYER_EXCEPTION="ValueError: no such order")
    error = json.loads(function.invoke(ORDER).body)
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no such order")
    assert "shipping" not in function.log


def test_without_a_shell_the_wrapper_cannot_start(emulated, bare):
    function = emulated(bare, WRAPPED, FAULTLAYER_STATUS="503")
    assert function.invoke(ORDER).status >= 500
    assert "/opt/faultlayer-wrapper: no such file or directory" in function.log


def test_without_a_shell_the_extension_lives_and_says_that_nothing_comes_through_it(emulated, bare):
    function = emulated(bare, CLIENT, FAULTLAYER_STATUS="503")
    assert shipped(function.invoke(ORDER)) == "A-1"
    assert function.runtime_api() == LAMBDAS_ADDRESS
    assert soon(lambda: len(function.lines("not_redirected")) == 1)
    function.container.stop(timeout=5)  # a SHUTDOWN event for extensions
    assert len(function.lines("not_redirected")) == 2


def test_a_shell_anywhere_in_the_image_will_do(emulated, with_a_shell):
    function = emulated(with_a_shell, ["/busybox/sh", *WRAPPED], FAULTLAYER_STATUS="503")
    assert json.loads(function.invoke(ORDER).body)["statusCode"] == 503
    assert function.runtime_api() != LAMBDAS_ADDRESS
