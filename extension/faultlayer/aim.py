"""Which faults hit an invocation: rate, limit and order, applied here once for all faults.

Given a seed, whether and how a fault hits depends on seed, fault and request id alone, not on
order or concurrency (`max` apart, which counts).
"""

from __future__ import annotations

from _thread import allocate_lock
from posix import urandom

from faultlayer.actions import BEFORE
from faultlayer.invocation import REQUEST_ID, Invocation
from faultlayer.log import emit

try:
    from _sha2 import sha256
except ImportError:  # before Python 3.12
    from _sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.actions import Action
    from faultlayer.registry import Fault, Options

_SPAN = 1 << 64
_ID_HEADER = b"\n" + REQUEST_ID + b":"
_ID_START = len(_ID_HEADER)


class Rule:
    """One fault with its options, its rate (0 to 1) and its limit (None: no limit)."""

    __slots__ = ("_bound", "_copy", "_left", "_lock", "decide", "fault", "options")

    def __init__(
        self, fault: Fault, options: Options, rate: float = 1.0, maximum: int | None = None
    ) -> None:
        self.fault = fault
        self.options = options
        self.decide = fault.decide
        self._left = maximum
        self._lock = allocate_lock()
        # A draw is a digest, and both are compared as bytes; the longer bound is above them all.
        self._bound = b"\xff" * 33 if rate >= 1 else int(rate * _SPAN).to_bytes(8, "big")
        self._copy = sha256().copy

    def seed(self, seed: bytes) -> None:
        """Fix the draws, before the first of them."""
        self._copy = sha256(b"%d:%b%b:" % (len(seed), seed, self.fault.name.encode())).copy

    def draw(self, request_id: bytes) -> float | None:
        """None where the rate spares this invocation, else a uniform number in [0, 1)."""
        draw = self._copy()
        draw.update(request_id)
        digest = draw.digest()
        if digest >= self._bound:
            return None
        return int.from_bytes(digest[8:15], "big") / (1 << 56)

    def claim(self) -> bool:
        """Count one injection; false where the limit is reached. Safe between threads."""
        if self._left is None:
            return True
        with self._lock:
            if self._left == 0:
                return False
            self._left -= 1
            return True

    def give_back(self) -> None:
        """Uncount an injection that did not come to pass."""
        if self._left is not None:
            with self._lock:
                self._left += 1


class Hit:
    """An action that a rule has claimed."""

    __slots__ = ("action", "rule")

    def __init__(self, rule: Rule, action: Action) -> None:
        self.rule = rule
        self.action = action

    def log(self, request_id: str, *, dry_run: bool = False) -> None:
        """Write the one line of this injection."""
        emit(
            "info",
            "fault_dry_run" if dry_run else "fault_injected",
            fault=self.rule.fault.name,
            request_id=request_id,
            **self.action.numbers,
        )


class Hits:
    """An invocation and what hits it, in order, at most one terminal action among it."""

    __slots__ = ("hits", "invocation")

    def __init__(self, invocation: Invocation, hits: list[Hit]) -> None:
        self.invocation = invocation
        self.hits = hits

    def log_dry_run(self) -> None:
        """Say what would have been injected."""
        for hit in self.hits:
            hit.log(self.invocation.request_id, dry_run=True)


class Aim:
    """Rules in their order, the seed, and whether to log only."""

    def __init__(self, rules: list[Rule], seed: str | None = None, *, dry_run: bool = False) -> None:
        self.rules = sorted(rules, key=lambda rule: rule.fault.order)
        self.dry_run = dry_run
        text = urandom(16) if seed is None else seed.encode("utf-8", "surrogateescape")
        for rule in self.rules:
            rule.seed(text)

    def decide(self, head: bytes, lowered: bytes) -> Hits | None:
        """What hits the invocation that came with this response head; None: nothing does.

        `head` may hold more than the head, which `lowered` ends.
        """
        drawn: list[tuple[Rule, float]] | None = None
        at = lowered.find(_ID_HEADER)
        request_id = b""
        if at >= 0:
            request_id = head[at + _ID_START : head.find(b"\n", at + _ID_START)].strip()
        for rule in self.rules:
            draw = rule.draw(request_id)
            if draw is not None:
                drawn = drawn or []
                drawn.append((rule, draw))
        if drawn is None:
            return None
        invocation = Invocation(head[: len(lowered)], lowered)
        hits = []
        for rule, draw in drawn:
            action = rule.decide(rule.options, invocation, draw)
            if action is not None:
                hits.append(Hit(rule, action))
        hits = self._claimed(hits)
        return Hits(invocation, hits) if hits else None

    @staticmethod
    def _claimed(hits: list[Hit]) -> list[Hit]:
        """Those within their limits; the first terminal action, before before after, bars others."""
        outcome: Hit | None = None
        for when in (True, False):
            for hit in hits:
                ours = hit.action.terminal and (hit.action.when == BEFORE) == when
                if ours and outcome is None and hit.rule.claim():
                    outcome = hit
        return [
            hit
            for hit in hits
            if hit is outcome or (not hit.action.terminal and hit.rule.claim())
        ]
