"""OVERSIZE: the answer is padded to this size; over 6 MB Lambda refuses it.

It stays what it is, with blanks added: at the end of the body of an HTTP-shaped answer, after the
JSON of any other, at the end of a stream. What is longer already is left alone. A stream is hit
whatever its length, which is not known until its end. Event sources read no blanks: there only an
answer that Lambda refuses, which is a function error, is one that does something.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

from faultlayer.values.sizes import Size
from faultlayer.vocabulary.actions import Action, Nothing, Rewrite
from faultlayer.vocabulary.registry import Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.vocabulary.answer import Answer, Stream
    from faultlayer.vocabulary.invocation import Invocation

_REFUSED = (6 << 20) + 100  # bytes: the longest answer that Lambda takes
_MOST = 256 << 20  # past Lambda's limit of 200 MB for streams


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    size = options.size
    if size <= _REFUSED:
        from faultlayer.vocabulary.fronts import no_answer

        if why := no_answer(invocation):
            return Nothing(f"{why}; over 6 MB Lambda refuses the answer there, too")

    def whole(answer: Answer) -> bool:
        return answer.pad(size)

    def stream(answer: Stream) -> bool:
        return answer.pad(size)

    return Rewrite(whole, stream, size=size)


FAULT = Fault(
    __name__,
    order=100,
    help="the response is padded to this size (over 6 MB Lambda refuses it)",
    main=Option("size", Size(1, _MOST, "7MB"), "how long the whole response gets"),
    decide=decide,
)
