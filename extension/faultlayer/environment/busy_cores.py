"""Processors kept busy, each by a process of our own.

The function gets the share that the scheduler leaves it.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""

from __future__ import annotations

from time import monotonic

from faultlayer.environment.load_process import LoadProcess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.environment.holdings import Holder, Taken
    from faultlayer.vocabulary.actions import Cores

_LONGEST = 2.0  # seconds that an event waits until they have begun


def take(request: Cores, holder: Holder) -> Taken:
    """Keep so many processors busy."""
    processes: list[LoadProcess] = []

    def release() -> None:
        while processes:
            processes.pop().stop()

    try:
        for _ in range(request.count):
            processes.append(LoadProcess("busy", 1, holder.until - monotonic()))
        patience = monotonic() + _LONGEST
        for process in processes:  # the event waits for them: its work may be short
            process.ready(min(patience, holder.until) - monotonic())
    except BaseException:
        release()
        raise
    return release, {}
