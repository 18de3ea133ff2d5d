"""publish, attach, invoke, stop, detach: the caller's answers, with functions that really run.

moto runs functions in containers of lambci's kind: HANDLER EVENT in, the answer as the last line
out. The image here is our stand-in for AWS's, with the real emulator and runtime client, behind
that interface; moto itself unpacks the published layers at /opt.
"""

from __future__ import annotations

import json
import re
import uuid
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import docker
import pytest
from aws_support import Aws, Cli, Make, archive
from moto.core.config import default_user_config

import machine
from faultlayer_cli.errors import Failure
from faultlayer_cli.running import downloads
from images import engine, stand_in

# A Docker engine, with images that other tests lend as well.
pytestmark = [pytest.mark.whole, pytest.mark.xdist_group("docker")]

CODE = archive(
    {
        # Its digest names a volume of moto's: none is shared with another run.
        "app.py": f"import os  # {uuid.uuid4()}\n"
        "def handler(event, context):\n"
        "    return {'statusCode': 200, 'body': 'fine', 'opt': sorted(os.listdir('/opt'))}\n"
    }
)
# Modes and words as moto wants them: the answer alone on standard output.
_INVOKE = """\
#!/var/lang/bin/python3
import json, os, subprocess, sys, time, urllib.error, urllib.request
handler, event = sys.argv[1], json.loads(sys.argv[2])
event = event if isinstance(event, str) else json.dumps(event)
emulator = subprocess.Popen(
    ["/usr/local/bin/aws-lambda-rie", "/var/runtime/bootstrap"],
    env={**os.environ, "_HANDLER": handler}, stdout=2)
url = "http://127.0.0.1:8080/2015-03-31/functions/function/invocations"
for attempt in range(200):
    try:
        answer = urllib.request.urlopen(url, event.encode(), timeout=60).read()
        break
    except urllib.error.HTTPError as error:
        answer = error.read()
        break
    except OSError:
        time.sleep(0.05)
emulator.terminate()
emulator.wait()
print(answer.decode().replace("\\n", " "), flush=True)
sys.exit("errorType" in json.loads(answer))
"""
_SLEEP = """\
#!/bin/sh
exec python3 -c "import time; time.sleep($1)"
"""


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """The image that moto runs functions in; skips without a Docker engine, but not on CI."""
    try:
        downloads.architecture()
        client = engine.connect()
    except (engine.Unavailable, Failure) as missing:
        machine.lacks(missing)
    base = stand_in.lambda_python(client)
    dockerfile = f'FROM {base}\nCOPY invoke /invoke\nENTRYPOINT ["/invoke"]\n'
    built = engine.build(client, "moto", dockerfile, {"invoke": (0o755, _INVOKE.encode())})
    # moto unpacks layers by way of an image of this name.
    own = engine.find(client, "busybox") is None
    if own:
        dockerfile = f"FROM {stand_in.slim(client)}\nCOPY sleep /usr/bin/sleep\n"
        files = {"sleep": (0o755, _SLEEP.encode())}
        client.images.get(engine.build(client, "busybox", dockerfile, files)).tag("busybox")
    yield built
    if own:
        client.images.remove("busybox")
    client.close()


@pytest.fixture
def orders(aws: Aws, make: Make, image: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A function that really runs; its configuration before anything else."""
    monkeypatch.setitem(default_user_config["lambda"], "use_docker", True)
    monkeypatch.setenv("MOTO_DOCKER_LAMBDA_IMAGE", image)
    monkeypatch.setenv("MOTO_DOCKER_NETWORK_NAME", "bridge")
    for volume in docker.from_env().volumes.list():
        if volume.name.startswith("faultlayer-"):  # a broken run's: its layer is not ours
            volume.remove()
    architecture = downloads.architecture()
    make("orders", runtime="python3.11", architecture=architecture, variables={"TABLE": "orders"})
    aws.client("lambda").update_function_code(FunctionName="orders", ZipFile=CODE)
    before = aws.configuration("orders")
    return before


def invoke(aws: Aws) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the caller gets, and the layer's lines in the log."""
    told = aws.client("lambda").invoke(FunctionName="orders", Payload=b"{}", LogType="Tail")
    log = b64decode(told.get("LogResult", "")).decode()
    lines = [json.loads(line) for line in re.findall(r'\{"source":"faultlayer".*?\}', log)]
    return json.loads(told["Payload"].read()), lines


def test_from_nothing_to_the_first_fault_and_back(
    aws: Aws, cli: Cli, orders: dict[str, Any]
) -> None:
    assert invoke(aws) == ({"statusCode": 200, "body": "fine", "opt": []}, [])

    assert cli("publish", "--arch", downloads.architecture()).code == 0
    said = cli("attach", "orders", "--status", "503", "--latency", "300ms")
    assert said.code == 0, said
    answer, lines = invoke(aws)
    assert answer["statusCode"] == 503
    assert [line["fault"] for line in lines] == ["latency", "status"]

    said = cli("attach", "orders", "--exception", "ValueError: no such order", "--yes")
    assert said.code == 0, said
    answer, lines = invoke(aws)
    assert answer["errorType"] == "ValueError"

    assert cli("stop").code == 0
    answer, lines = invoke(aws)
    assert (answer["body"], lines) == ("fine", [])
    assert "faultlayer-wrapper" in answer["opt"]

    assert cli("detach", "orders").code == 0
    assert invoke(aws) == ({"statusCode": 200, "body": "fine", "opt": []}, [])
    now = aws.configuration("orders")
    for key in ("Layers", "Environment", "Runtime", "Handler"):
        assert now.get(key) == orders.get(key)
