"""Streamed answers: the prelude, then the body, changed piece by piece on the way.

    feed -> held until the separator -> prelude rewritten once -> pieces through the filters -> out

Nothing is held back but the prelude. The body is changed as it arrives, so whether a fault changed
anything is known late, or never: a `Watcher` is called.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
"""

from __future__ import annotations

from faultlayer.vocabulary.answer import ENCODING, LENGTH, Http, Passing, filled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HTTP_STREAM = b"application/vnd.awslambda.http-integration-response"
SEPARATOR = b"\0" * 8
MAX_PRELUDE = 1 << 20  # bytes; a stream without a separator by then is taken for a plain one


class Watcher:
    """Called at a stream's first change, and if a filter fails. `why`: why no change may come."""

    why = ""

    def changed(self) -> None:
        """A piece leaves changed, for the first time."""

    def failed(self, error: Exception, *, told: bool) -> None:
        """The filter has raised and was removed; `told`: its first change was reported before."""


class Stream(Passing):
    """A streamed answer passing by: the prelude, if it is HTTP-shaped, then pieces of body.

    `feed` takes content as it arrives and returns the bytes that may leave, `end` the last ones.
    `rewrite` is called once, as soon as the prelude is known, before any body passes.

    `watcher` belongs to the filters and the padding that are added while it is set: it is called
    at their first change, and if a filter fails. The rest then passes without that filter.
    """

    def __init__(self, *, http: bool, rewrite: Callable[[Stream], None]) -> None:
        self.http: Http | None = None
        self.watcher: Watcher | None = None
        self.waiting: list[Watcher] = []  # those not called yet
        self._rewrite = rewrite
        self._prelude: bytes | None = None
        self._filters: list[tuple[Callable[[bytes], bytes], Watcher | None]] = []
        self._held = bytearray()
        self._size = self._sent = 0
        self._padder: Watcher | None = None
        self._in_prelude = http
        if not http:
            rewrite(self)

    def read_as(self, read: tuple[str, ...]) -> None:
        """Read the prelude as the caller does: headers in these members."""
        if self.http:
            self.http.read = read

    def _await(self, why: str) -> None:
        if self.watcher is not None and self.watcher not in self.waiting:
            self.watcher.why = why
            self.waiting.append(self.watcher)

    def filter_body(self, change: Callable[[bytes], bytes], *, anew: bool = False) -> None:
        """Pass every piece of the body through `change`; `anew`: remove its content-encoding."""
        self._filters.append((change, self.watcher))
        self._await("the stream has no body that the fault changes")
        if self.http:
            self.http.change_headers({LENGTH: None})
            if anew:
                self.http.change_headers({ENCODING: None})

    def pad(self, size: int) -> bool:
        """Pad the answer to at least `size` bytes, prelude included."""
        self._size = max(self._size, size)
        self._padder = self.watcher
        self._await("the answer is as long as that already")
        if self.http:
            self.http.change_headers({LENGTH: None})
        return True

    def begin_again(self) -> None:
        """Drop all changes that were asked for, before any body passes."""
        self._filters.clear()
        self.waiting.clear()
        self._size = 0
        self._padder = None
        self.http = None if self._prelude is None else Http.parse(self._prelude, prelude=True)

    def head(self) -> bytes:
        """The prelude as it will leave; empty if there is none."""
        if self._prelude is None:
            return b""
        return self.http.payload(self._prelude) if self.http else self._prelude

    def padding(self) -> Iterator[bytes]:
        """The padding that leaves after the end."""
        missing = max(self._size - self._sent, 0)
        if missing:
            self._tell(self._padder)
        return filled(b"", b" ", missing)

    def _tell(self, watcher: Watcher | None) -> None:
        if watcher is not None and watcher in self.waiting:
            self.waiting.remove(watcher)
            watcher.changed()

    def feed(self, content: bytes) -> bytes:
        piece = self._fed(content)
        self._sent += len(piece)
        return piece

    def _fed(self, content: bytes) -> bytes:
        if not self._in_prelude:
            return self._filtered(content)
        seen = max(len(self._held) - len(SEPARATOR), 0)
        self._held += content
        at = self._held.find(SEPARATOR, seen)
        if at >= 0:
            held = bytes(self._held)
            return self._past_prelude(held[:at], SEPARATOR, held[at + len(SEPARATOR) :])
        if len(self._held) < MAX_PRELUDE:
            return b""
        return self._past_prelude(bytes(self._held), b"", b"")

    def _past_prelude(self, prelude: bytes, separator: bytes, rest: bytes) -> bytes:
        self._in_prelude = False
        self._held.clear()
        self._prelude = prelude if separator else None
        self.begin_again()
        self._rewrite(self)
        if separator:
            return self.head() + separator + self._filtered(rest)
        return self._filtered(prelude)

    def _filtered(self, piece: bytes) -> bytes:
        for each in tuple(self._filters):
            change, watcher = each
            if not piece:
                break
            try:
                after = change(piece)
            except Exception as error:
                self._filters.remove(each)
                if watcher is not None:
                    told = watcher not in self.waiting
                    if not told:
                        self.waiting.remove(watcher)
                    watcher.failed(error, told=told)
                continue
            if after != piece:
                self._tell(watcher)
            piece = after
        return piece

    def end(self) -> bytes:
        """The bytes that are left to send when the stream ends."""
        if not self._in_prelude:
            return b""
        piece = self._past_prelude(bytes(self._held), b"", b"")
        self._sent += len(piece)
        return piece
