"""OVERSIZE: the response is padded to this size; over 6 MB Lambda refuses it.

Blanks are added: to the body of an HTTP-shaped response, after the JSON of any other, at the end of
a stream. A response that is as long already is left alone. So is a compressed body, since blanks
after it cannot be read, unless Lambda refuses the response anyway. An event source reads no blanks:
there only a response that Lambda refuses, a function error, does something.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

from faultlayer.values.sizes import Size
from faultlayer.vocabulary.actions import Action, NotApplicable, Rewrite
from faultlayer.vocabulary.registry import Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.vocabulary.answer import Answer
    from faultlayer.vocabulary.invocation import Invocation
    from faultlayer.vocabulary.streamed import Stream

_REFUSED = (6 << 20) + 100  # bytes: the longest answer that Lambda takes
_ENCODED = "the body has a content-encoding: blanks after it would make it unreadable"
_MOST = 256 << 20  # past Lambda's limit of 200 MB for streams


def decide(options: Options, invocation: Invocation, draw: float) -> Action | None:
    from faultlayer.vocabulary.fronts import front_of, no_answer

    size, front = options.size, front_of(invocation)
    if size <= _REFUSED and (why := no_answer(front)):
        return NotApplicable(f"{why}; over 6 MB Lambda refuses the answer there, too")

    def whole(answer: Answer) -> bool:
        answer.read_as(front.members, infers=False)
        if answer.http and answer.http.encoded() and size <= _REFUSED:
            return answer.unchanged(_ENCODED)
        return answer.pad(size) or answer.unchanged("the answer is as long as that already")

    def stream(answer: Stream) -> bool:
        answer.read_as(front.members)
        if answer.http and answer.http.encoded():
            return answer.unchanged(_ENCODED)
        return answer.pad(size)

    return Rewrite(whole, stream, size=size)


FAULT = Fault(
    __name__,
    order=100,
    help="the response is padded to this size (over 6 MB Lambda refuses it)",
    main=Option("size", Size(1, _MOST, "7MB"), "how long the whole response gets"),
    decide=decide,
    logged={
        "size": "the size of the response with its padding (bytes)",
    },
)
