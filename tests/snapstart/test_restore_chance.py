"""Chance after a restore: clones of one snapshot part ways, seeded decisions stay per request.

A snapshot is stood for by fork(2), which gives every clone the same memory, as SnapStart does.
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-uniqueness.html
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.proxied import EXTENSION
from fakes.scripted import Server
from faultlayer.settings.variables import read_environment
from faultlayer.targeting.choose import Chooser

HERE = Path(__file__).resolve().parent
IDS = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(64)]
HALF = {"FAULTLAYER_LATENCY": "0ms..9s", "FAULTLAYER_RATE": "50%"}
SEED = {"FAULTLAYER_SEED": "7"}
RESTORE = b"GET /2018-06-01/runtime/restore/next HTTP/1.1\r\nHost: 127.0.0.1:9001\r\n\r\n"
INIT_ERROR = b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
OTHERS = [
    RESTORE.replace(b"/next", b"/nextt"),
    RESTORE.replace(b"GET", b"HEAD"),
    RESTORE.replace(b"GET", b"POST").replace(b"/next", b"/error"),
    INIT_ERROR,
]


def decisions(chooser: Chooser, ids: list[str] = IDS) -> list[float | None]:
    """How long each of these invocations would be delayed; None where it would not be."""
    found = []
    for request_id in ids:
        head = b"HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: %b\r\n\r\n" % request_id.encode()
        hits = chooser.decide(head, head)
        found.append(hits.injections[0].action.numbers["delay_ms"] if hits else None)
    return found


def aimed(**variables: str) -> Chooser:
    chooser = read_environment({**HALF, **variables}).chooser
    assert chooser is not None
    return chooser


@pytest.mark.parametrize("seed", [{}, SEED], ids=["chance", "seeded"])
def test_renewing_ends_the_sequence_of_chance_alone(seed: dict[str, str]) -> None:
    chooser = aimed(**seed)
    before = decisions(chooser)
    chooser.renew()
    assert (decisions(chooser) == before) == bool(seed)


# -- clones -----------------------------------------------------------------------------------

# Each of two clones passes on one request of its runtime, then tells how the ids would be hit.
SNAPSHOT = """
import json, os, sys
sys.path[:0] = json.loads(sys.argv[1])
from faultlayer.proxy import Proxy
from faultlayer.settings.variables import read_environment
from faultlayer.startup.listener import listen
from faultlayer.startup.relay import accept
from faultlayer.wire import sockets
from test_restore_chance import IDS, decisions

chooser = read_environment(json.loads(sys.argv[2])).chooser
proxy = Proxy(("127.0.0.1", int(sys.argv[3])), chooser, 0)
decisions(chooser, IDS[:5])  # drawn before the snapshot
for _ in range(2):
    if os.fork():
        assert os.wait()[1] == 0
        continue
    listener, port = listen(0)
    runtime = sockets.connect(("127.0.0.1", port))
    runtime.send(sys.argv[4].encode())
    runtime.sock.shutdown(1)
    proxy.handle(accept(listener))
    assert runtime.recv(9) == b"HTTP/1.1 "
    print(json.dumps(decisions(chooser)), flush=True)
    os._exit(0)
"""


def clones(request: bytes, upstream: Server, variables: dict[str, str]) -> list[list[float | None]]:
    """What two clones decide once this request has passed through each of them."""
    folders = [str(EXTENSION), str(HERE), str(HERE.parent)]
    arguments = [json.dumps(folders), json.dumps(variables), str(upstream.address[1])]
    done = subprocess.run(
        [sys.executable, "-c", SNAPSHOT, *arguments, request.decode()],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    decided = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(decided) == 2
    return decided


def test_clones_part_ways_once_they_are_restored(upstream: Server) -> None:
    one, other = clones(RESTORE, upstream, HALF)
    assert one != other
    for decided in (one, other):
        assert 10 < sum(delay is not None for delay in decided) < 54


@pytest.mark.parametrize("request_", OTHERS, ids=["like it", "HEAD", "restore/error", "init/error"])
def test_clones_that_are_not_restored_do_as_the_other(upstream: Server, request_: bytes) -> None:
    """Without this the test above would prove nothing."""
    one, other = clones(request_, upstream, HALF)
    assert one == other


def test_clones_with_a_seed_agree_with_each_other_and_with_who_was_never_one(
    upstream: Server,
) -> None:
    one, other = clones(RESTORE, upstream, HALF | SEED)
    assert one == other == decisions(aimed(**SEED))
