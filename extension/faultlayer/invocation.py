"""What arrives: one invocation, as the answer to `GET /runtime/invocation/next` describes it.

It promises cheap access to what the faults and the log need; it never decodes more of the head
than was asked for.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-next
"""

from __future__ import annotations

from faultlayer.http1 import header

REQUEST_ID = b"lambda-runtime-aws-request-id"
INVOCATION_ID = b"lambda-runtime-invocation-id"
DEADLINE = b"lambda-runtime-deadline-ms"


class Invocation:
    """One event on its way to the function.

    `id` is the raw request id (empty where upstream gave none), `head` the raw response head it
    came with, `lowered` the same in lower case.
    """

    __slots__ = ("head", "id", "lowered")

    def __init__(self, head: bytes, lowered: bytes) -> None:
        self.head = head
        self.lowered = lowered
        self.id = header(head, lowered, REQUEST_ID)

    @property
    def request_id(self) -> str:
        """The request id as text."""
        return self.id.decode("latin-1")

    @property
    def invocation_id(self) -> bytes:
        """`Lambda-Runtime-Invocation-Id`, to be echoed on what answers it; empty where absent."""
        return header(self.head, self.lowered, INVOCATION_ID)

    def deadline(self) -> float | None:
        """When Lambda ends the invocation, in seconds since the epoch; None where not said."""
        digits = header(self.head, self.lowered, DEADLINE)
        return int(digits) / 1000 if digits.isdigit() and len(digits) < 16 else None
