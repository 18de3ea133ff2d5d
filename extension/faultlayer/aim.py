"""Which faults hit an invocation: rate, limit and order, applied here once for all faults.

Given a seed, whether and how a fault hits depends on seed, fault and request id alone, not on
order or concurrency (`max` apart, which counts).
"""

from __future__ import annotations

from _thread import allocate_lock
from posix import urandom

from faultlayer.actions import BEFORE
from faultlayer.log import emit

try:
    from _sha2 import sha256
except ImportError:  # before Python 3.12
    from _sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.actions import Action
    from faultlayer.invocation import Invocation
    from faultlayer.registry import Fault, Options

_SPAN = 1 << 64


class Rule:
    """One fault with its options, its rate (0 to 1) and its limit (None: no limit)."""

    __slots__ = ("_key", "_left", "_lock", "decide", "fault", "maximum", "options", "rate")

    def __init__(
        self, fault: Fault, options: Options, rate: float = 1.0, maximum: int | None = None
    ) -> None:
        self.fault = fault
        self.options = options
        self.rate = rate
        self.maximum = maximum
        self.decide = fault.decide
        self._left = maximum
        self._lock = allocate_lock()
        self._key = fault.name.encode()

    def draws(self, seed: bytes, request_id: str) -> tuple[float, float]:
        """Two uniform numbers in [0, 1): whether it hits, and how."""
        text = b"\0".join((seed, self._key, request_id.encode("utf-8", "surrogateescape")))
        digest = sha256(text).digest()
        whether, how = digest[:8], digest[8:16]
        return int.from_bytes(whether, "big") / _SPAN, int.from_bytes(how, "big") / _SPAN

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


class Aim:
    """Rules in their order, the seed, and whether to log only."""

    def __init__(self, rules: list[Rule], seed: str | None = None, *, dry_run: bool = False) -> None:
        self.rules = sorted(rules, key=lambda rule: rule.fault.order)
        self.seed = urandom(16) if seed is None else seed.encode("utf-8", "surrogateescape")
        self.dry_run = dry_run

    def decide(self, invocation: Invocation) -> list[Hit] | None:
        """What hits this invocation, in order, at most one terminal action among it; or None."""
        hits: list[Hit] | None = None
        for rule in self.rules:
            whether, how = rule.draws(self.seed, invocation.request_id)
            if whether >= rule.rate:
                continue
            action = rule.decide(rule.options, invocation, how)
            if action is not None:
                hits = hits or []
                hits.append(Hit(rule, action))
        return self._claimed(hits) if hits else None

    @staticmethod
    def _claimed(hits: list[Hit]) -> list[Hit] | None:
        """Those within their limits; the first terminal action, before before after, bars others."""
        outcome: Hit | None = None
        for when in (True, False):
            for hit in hits:
                ours = hit.action.terminal and (hit.action.when == BEFORE) == when
                if ours and outcome is None and hit.rule.claim():
                    outcome = hit
        kept = [
            hit
            for hit in hits
            if hit is outcome or (not hit.action.terminal and hit.rule.claim())
        ]
        return kept or None
