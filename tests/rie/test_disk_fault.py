"""DISK under the real emulator: what the function finds in /tmp, and what is there afterwards."""

from __future__ import annotations

import errno

from rie.held import MB, STORAGE, Run

PAGES = 64 << 10  # bytes: the address file, and what is rounded


def test_the_function_gets_a_real_enospc_and_the_next_invocation_its_space_back(
    held: Run,
) -> None:
    function = held(FAULTLAYER_DISK="free:10MB")
    full = function.ask(hit=1, write=20)
    assert full["errno"] == errno.ENOSPC
    assert abs(full["free"] - 10 * MB) <= PAGES
    after = function.ask(write=20)
    assert "errno" not in after
    assert abs(after["free"] - STORAGE * MB) <= PAGES
    (line,) = function.lines("fault_injected")
    assert (line["fault"], line["left"]) == ("disk", 10 * MB)
    assert abs(line["held"] - (STORAGE - 10) * MB) <= PAGES
    assert function.ask(hit=1)["pid"] == full["pid"], "and the runtime is the same"
