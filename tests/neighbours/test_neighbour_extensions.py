"""Nine other extensions beside ours: Lambda's limit is ten."""

from __future__ import annotations

import json
import time

from neighbours import Compose, Run
from rie.support import told

OTHERS = [f"other-{number}" for number in range(1, 10)]
FAULTS = {"FAULTLAYER_LATENCY": "100ms", "FAULTLAYER_STATUS": "503", "FAULTLAYER_STATUS_MAX": "1"}
GRACE = 2.0  # seconds that Lambda gives extensions to leave


def test_ten_extensions(run: Run, compose: Compose) -> None:
    function = run(layer=compose(*OTHERS), **FAULTS)
    assert json.loads(function.invoke().body)["statusCode"] == 503
    ids = [line["request_id"] for line in function.lines("fault_injected")[:1]]
    for _ in range(4):
        answer = function.invoke()
        assert answer.seconds >= 0.1
        ids.append(told(answer)["request_id"])
    assert len(function.lines("fault_injected")) == 6
    for name in OTHERS:
        assert f"{name} REGISTERED 200" in function.log
        for request_id in ids:
            function.emulator.wait_for_log(f"{name} INVOKE {request_id}")
    begun = time.monotonic()
    function.emulator.stop()
    assert time.monotonic() - begun < GRACE
    for name in OTHERS:
        assert f"{name} SHUTDOWN" in function.log
    assert not (function.emulator.tmp / ".faultlayer").exists()
    assert [line["event"] for line in function.lines()] == ["fault_injected"] * 6
