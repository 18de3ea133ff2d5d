"""HEADERS: headers of an HTTP-shaped response are set or removed, as in a CORS failure.

Applied only if somebody reads them: an HTTP front made the invocation, or a direct caller.
"""

from __future__ import annotations

from faultlayer.values.kinds import HeaderSet
from faultlayer.vocabulary.actions import Action, NotApplicable, Rewrite
from faultlayer.vocabulary.registry import Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.vocabulary.answer import Answer
    from faultlayer.vocabulary.invocation import Invocation
    from faultlayer.vocabulary.streamed import Stream


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    from faultlayer.vocabulary.fronts import front_of, no_status

    front = front_of(invocation)
    if why := no_status(front):
        return NotApplicable(why)
    changes = options.headers

    def change(answer: Answer | Stream) -> bool:
        if answer.http is None:
            return answer.unchanged("the answer is not HTTP-shaped: it has no headers")
        if answer.http.change_headers(changes):
            return True
        return answer.unchanged("the answer has these headers already")

    def whole(answer: Answer) -> bool:
        answer.read_as(front.members, infers=front.infers)
        return change(answer)

    def stream(answer: Stream) -> bool:
        answer.read_as(front.members)
        return change(answer)

    return Rewrite(whole, stream, headers=len(changes))


FAULT = Fault(
    __name__,
    order=80,
    help="headers of an HTTP-shaped response are set or removed (CORS failures)",
    main=Option("headers", HeaderSet(remove=True), "what to set; null removes"),
    decide=decide,
    logged={
        "headers": "how many headers are to be set or removed",
    },
)
