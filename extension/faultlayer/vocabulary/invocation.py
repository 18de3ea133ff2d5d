"""One invocation, as the response to `GET /runtime/invocation/next` describes it.

Of the head only the fields that somebody asks for are decoded, and the event is read only if
somebody asks for it.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-next
"""

from __future__ import annotations

from faultlayer.http.framing import header
from faultlayer.jsontext import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from faultlayer.vocabulary.fronts import Front

REQUEST_ID = b"lambda-runtime-aws-request-id"
INVOCATION_ID = b"lambda-runtime-invocation-id"
DEADLINE = b"lambda-runtime-deadline-ms"
FUNCTION_ARN = b"lambda-runtime-invoked-function-arn"
_UNREAD: Any = object()
_UNREADABLE: Any = object()


class Invocation:
    """One event on its way to the function.

    `id` is the raw request id (empty if Lambda gave none), `head` the raw response head it
    came with, `lowered` the same in lower case. `content` gives the event's bytes, None if
    they are more than Lambda lets an event be; `lost` is the error if they could not be received.
    """

    __slots__ = ("_content", "_event", "_short", "front", "head", "id", "lost", "lowered")

    def __init__(
        self, head: bytes, lowered: bytes, content: Callable[[], bytes | None] | None = None
    ) -> None:
        self.head = head
        self.lowered = lowered
        self.id = header(head, lowered, REQUEST_ID)
        self.lost: Exception | None = None
        self.front: Front | None = None  # the service that made it, once it was looked up
        self._content = content
        self._event = _UNREAD
        self._short = False

    @property
    def request_id(self) -> str:
        """The request id as text."""
        return self.id.decode("latin-1")

    @property
    def invocation_id(self) -> bytes:
        """`Lambda-Runtime-Invocation-Id`, to be echoed on the result; empty if absent."""
        return header(self.head, self.lowered, INVOCATION_ID)

    @property
    def function_arn(self) -> str:
        """The ARN the function was invoked by, qualifier included; empty if not given."""
        return header(self.head, self.lowered, FUNCTION_ARN).decode("utf-8", "replace")

    def deadline(self) -> float | None:
        """When Lambda ends the invocation, in seconds since the epoch; None if not given."""
        digits = header(self.head, self.lowered, DEADLINE)
        return int(digits) / 1000 if digits.isdigit() and len(digits) < 16 else None

    def content(self) -> bytes | None:
        """The event's bytes; None if they are more than Lambda lets an event be.

        If memory has no room for them, that is not tried again: each rule that asks gets the
        MemoryError.
        """
        if self._short:
            raise MemoryError
        try:
            return self._content() if self._content else None
        except MemoryError:  # the part that has arrived can still be delivered
            self._short = True
            raise
        except Exception as error:
            self.lost = error
            raise

    def readable(self) -> bool:
        """True if the event is JSON of a size that Lambda allows; reads it if nobody has."""
        if self._event is _UNREAD:
            content = self.content()
            event = _UNREADABLE
            if content is not None:
                try:
                    event = loads(content)
                except (ValueError, RecursionError):
                    pass
            self._event = event
        return self._event is not _UNREADABLE

    def event(self) -> Any:
        """The event as a JSON value, which must not be changed; None if it is not readable."""
        return self._event if self.readable() else None

    def forget(self) -> None:
        """Let go of the event as read: it can be many times its bytes."""
        self._event = _UNREAD
