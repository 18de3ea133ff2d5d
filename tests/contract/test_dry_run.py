"""What every fault keeps to in a dry run: one line says so, and nothing else happens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.boxed import Boxed
from fakes.proxied import soon
from fakes.runtime import Runtime
from fakes.runtime_api import RuntimeApi
from fakes.turns import PAYLOAD
from faultlayer.faults import all_faults
from faultlayer.vocabulary.registry import PREFIX, Fault

FAULTS = [fault for fault in all_faults() if not fault.begin]
RECORDS = [
    {"messageId": f"m{i}", "eventSource": "aws:sqs", "attributes": {}, "body": "{}"}
    for i in range(10)  # so many that no share of them is a fraction of a record, drawn by chance
]
HTTP = {"requestContext": {"http": {"method": "GET"}}}
EVENT = json.dumps({**HTTP, "Records": RECORDS}).encode()  # one that every fault applies to
ANSWERS = (PAYLOAD, b"{}")  # to a caller over HTTP, and to an event source


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    with RuntimeApi() as server:
        yield server
    assert not server.errors


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_it_says_what_would_happen_and_touches_nothing(
    fault: Fault, api: RuntimeApi, tmp_path: Path
) -> None:
    variables = {PREFIX + fault.name.upper(): fault.main.kind.example, "FAULTLAYER_DRY_RUN": "true"}
    with Boxed(api.host, tmp_path / "log", **variables) as box:
        with Runtime(box.address) as runtime:
            for answer in ANSWERS:
                invoked = api.invoke(EVENT)
                event = runtime.next()
                assert event.raw == invoked.event()
                assert (box.burdens(), box.used()) == ([], 0)
                assert runtime.respond(event, answer).status == 202
                assert invoked.result().content == answer
                assert time.monotonic() - invoked.given < 10
        assert soon(lambda: "fault_dry_run" in [line["event"] for line in box.log])
        assert {line["fault"] for line in box.log} == {fault.name}
        assert {line["event"] for line in box.log} <= {"fault_dry_run", "fault_not_applied"}
