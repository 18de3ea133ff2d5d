"""Actions on an invocation: a small, closed set.

Faults return these; only the executor carries them out. An action is data: making one has no
effect. `numbers` are the fields of its log line beside the fault and the request id.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from faultlayer.values.hosts import Hosts
    from faultlayer.vocabulary.answer import Answer
    from faultlayer.vocabulary.disturbances import Disturbance
    from faultlayer.vocabulary.streamed import Stream

BEFORE = "before"
AFTER = "after"


def milliseconds(seconds: float) -> float:
    """The same in milliseconds, for the log: three decimals at most, and none that are zero."""
    value = round(float(seconds) * 1000, 3)
    return int(value) if value.is_integer() else value


class Action:
    """Base of all. `when` tells on which side of the function it belongs.

    A terminal action decides the invocation's outcome: at most one is carried out.
    """

    __slots__ = ("numbers", "when")
    terminal = False

    def __init__(self, when: str, /, **numbers: Any) -> None:
        self.when = when
        self.numbers = numbers


class Delay(Action):
    """Hold the event (before) or the answer (after) for `seconds`.

    If `until` (a time of the monotonic clock) is given, other delays count towards it.
    """

    __slots__ = ("seconds", "until")

    def __init__(self, seconds: float, when: str = BEFORE, *, until: float | None = None) -> None:
        super().__init__(when, delay_ms=milliseconds(seconds), when=when)
        self.seconds = seconds
        self.until = until


class HoldPastDeadline(Action):
    """Hold the event until Lambda has ended the invocation; the function never sees it.

    `seconds` is how long until then, `until` the same by the monotonic clock.
    """

    __slots__ = ("seconds", "until")
    terminal = True

    def __init__(self, seconds: float, until: float) -> None:
        super().__init__(BEFORE, delay_ms=milliseconds(seconds), when=BEFORE)
        self.seconds = seconds
        self.until = until


class Fail(Action):
    """End the invocation in a function error of this type and message."""

    __slots__ = ("error_type", "message")
    terminal = True

    def __init__(self, error_type: str, message: str, when: str) -> None:
        # Said in the line, since a log in text says nowhere else that this was a function error.
        super().__init__(when, when=when, function_error=True)
        self.error_type = error_type
        self.message = message


class Respond(Action):
    """Answer the caller with this HTTP status in Lambda's proxy-integration shape.

    `read`: the members of an answer that the caller reads headers from, if that is known.
    """

    __slots__ = ("body", "headers", "read", "status")
    terminal = True

    def __init__(
        self,
        status: int,
        headers: dict[str, str],
        body: str,
        when: str,
        read: tuple[str, ...] = (),
    ) -> None:
        super().__init__(when, when=when, status=status)
        self.read = read
        self.status = status
        self.headers = headers
        self.body = body


class NotApplicable(Action):
    """The fault does not apply to this event, against expectation: logged once, with `why`."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        super().__init__(BEFORE)
        self.why = why


class Alter(Action):
    """Give the function the event that `change` returns; None leaves it unchanged."""

    __slots__ = ("change",)

    def __init__(self, change: Callable[[bytes], bytes | None], **numbers: Any) -> None:
        super().__init__(BEFORE, **numbers)
        self.change = change


class Repeat(Action):
    """Give the function the same event this often, and let its last answer alone leave."""

    __slots__ = ("times",)

    def __init__(self, times: int) -> None:
        super().__init__(BEFORE, times=times)
        self.times = times


class Space:
    """Disk space of /tmp: `size` bytes taken, or (`leave_free`) all but that."""

    __slots__ = ("leave_free", "size")

    def __init__(self, size: int, *, leave_free: bool) -> None:
        self.size = size
        self.leave_free = leave_free


class Memory:
    """Memory: `size` bytes taken, or (`leave_free`) all but that."""

    __slots__ = ("leave_free", "size")

    def __init__(self, size: int, *, leave_free: bool) -> None:
        self.size = size
        self.leave_free = leave_free


class Cores:
    """So many processors kept busy."""

    __slots__ = ("count",)

    def __init__(self, count: int) -> None:
        self.count = count


class Hold(Action):
    """Hold something of the environment until the invocation ends."""

    __slots__ = ("request",)

    def __init__(self, request: Space | Memory | Cores, **numbers: Any) -> None:
        super().__init__(BEFORE, **numbers)
        self.request = request


class Crash(Action):
    """Kill the runtime before it sees the event, or `seconds` after: then when it has answered,
    if that is earlier.
    """

    __slots__ = ("seconds",)
    terminal = True

    def __init__(self, when: str, seconds: float, /, **numbers: Any) -> None:
        super().__init__(when, **numbers)
        self.seconds = seconds


class SetEnvironment(Action):
    """Start the runtime with these variables set, or unset if the value is None."""

    __slots__ = ("variables",)

    def __init__(self, variables: dict[str, str | None]) -> None:
        unset = [name for name, text in variables.items() if text is None]
        known = [name for name in variables if name not in unset]
        super().__init__(BEFORE, set=known, unset=unset)
        self.variables = variables


class Rewrite(Action):
    """Change the answer on its way out.

    `whole` takes a buffered answer and tells whether it changed it; `stream` makes the filter
    that a streamed answer's bytes pass through, in constant memory. If nothing changes, the answer
    is told why (`unchanged`), which ends in one line of the log.
    """

    __slots__ = ("stream", "whole")

    def __init__(
        self,
        whole: Callable[[Answer], bool],
        stream: Callable[[Stream], bool],
        **numbers: Any,
    ) -> None:
        super().__init__(AFTER, **numbers)
        self.whole = whole
        self.stream = stream


class Disturb(Action):
    """Disturb the function's connections to these hosts until the invocation ends."""

    __slots__ = ("disturbance", "hosts")

    def __init__(self, disturbance: Disturbance, hosts: Hosts, **numbers: Any) -> None:
        super().__init__(BEFORE, **numbers)
        self.disturbance = disturbance
        self.hosts = hosts
