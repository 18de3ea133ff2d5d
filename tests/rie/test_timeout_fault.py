"""TIMEOUT under the real emulator: its deadline, and the environment after a real timeout."""

from __future__ import annotations

import json

from rie.support import told


def test_timeout_0_is_a_real_timeout_and_the_next_invocation_works(run):
    function = run(timeout=2, FAULTLAYER_TIMEOUT="0", FAULTLAYER_TIMEOUT_MAX="1")
    assert "timed out after 2" in function.invoke().body.decode()
    for _ in range(2):
        assert json.loads(function.invoke().body)["statusCode"] == 200
    assert [line["fault"] for line in function.lines("fault_injected")] == ["timeout"]
    assert len(function.ran()) == 2


def test_a_margin_leaves_the_function_that_much_time(run):
    function = run(timeout=4, FAULTLAYER_TIMEOUT="2s")
    assert 500 < told(function.invoke())["left_ms"] <= 2000
