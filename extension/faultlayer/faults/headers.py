"""HEADERS: headers of an HTTP-shaped response are set or removed, as in a CORS failure.

Only where somebody reads them: where an HTTP front made the invocation, or a direct caller.
"""

from __future__ import annotations

from faultlayer.values.kinds import HeaderSet
from faultlayer.vocabulary.actions import Action, Nothing, Rewrite
from faultlayer.vocabulary.registry import Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.vocabulary.answer import Answer, Stream
    from faultlayer.vocabulary.invocation import Invocation


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    from faultlayer.vocabulary.fronts import no_status

    if why := no_status(invocation):
        return Nothing(why)
    changes = options.headers

    def whole(answer: Answer) -> bool:
        return answer.http is not None and answer.http.change_headers(changes)

    def stream(answer: Stream) -> bool:
        return answer.http is not None and answer.http.change_headers(changes)

    return Rewrite(whole, stream, headers=len(changes))


FAULT = Fault(
    __name__,
    order=80,
    help="headers of an HTTP-shaped response are set or removed (CORS failures)",
    main=Option("headers", HeaderSet(remove=True), "what to set; null removes"),
    decide=decide,
)
