"""MEMORY under the real emulator: what is resident beside the function, and who would be ended."""

from __future__ import annotations

import threading

from faultlayer.environment.load_process import private
from rie.held import MB, Held, Run, soon

LIMIT = 256  # MB, as the function is told


def resident(function: Held) -> list[int]:
    """How many MB each process holds that holds some for the function."""
    return [private(pid) // MB for pid in function.burdens()]


def test_so_much_is_resident_while_the_invocation_lasts_and_not_longer(held: Run) -> None:
    function = held(FAULTLAYER_MEMORY="150MB")
    cold = function.ask()
    assert (cold["burdens"], cold["score"]) == (0, cold["score"])
    function.emulator.wait_for_log("HANDLER DONE")
    told = function.ask(hit=1)
    assert (told["burdens"], told["score"]) == (1, 1000), "the runtime is to be ended first"
    assert soon(lambda: not function.burdens())
    after = function.ask()
    assert (after["burdens"], after["score"]) == (0, cold["score"])
    assert after["pid"] == told["pid"] == cold["pid"]
    line = function.injected()["memory"]
    assert (line["size"], line["held"] // MB) == (150 * MB, 150)


def test_until_so_much_is_free_of_the_function_s_memory(held: Run) -> None:
    """No control group is a limit here: it is the memory size that the function is told."""
    function = held(memory=LIMIT, FAULTLAYER_MEMORY="free:100MB")
    assert function.ask(hit=1)["burdens"] == 1
    line = function.injected()["memory"]
    assert line["left"] == 100 * MB
    # What the emulator, the runtime and the layer have themselves is neither held nor free.
    assert 0 < line["held"] // MB < LIMIT - 100
    assert soon(lambda: not function.burdens())


def test_what_is_held_is_there_while_the_handler_runs(held: Run) -> None:
    """Seen from outside, by what the kernel says of the process."""
    function = held(FAULTLAYER_MEMORY="100MB")
    function.ask()
    thread = threading.Thread(target=function.invoke, args=({"hit": 1, "sleep": 3},))
    thread.start()
    try:
        assert soon(lambda: [100] == [min(size, 100) for size in resident(function)])
    finally:
        thread.join()
    assert soon(lambda: not function.burdens())
