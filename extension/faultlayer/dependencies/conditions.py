"""The disturbances in force: from the event of an invocation that was hit until its result.

    acting: begin(injections) ──> in force ──> control and relay: of(host), touched(host)
            end(injections)   ──> those that touched nothing are skipped

If several invocations share an environment, a disturbance that was drawn for one hits them all
while that one runs: nobody can tell whose connection it is.
"""

from __future__ import annotations

from _thread import allocate_lock

from faultlayer.values.hosts import address_text
from faultlayer.vocabulary.disturbances import BadHandshake, Cut, Late, Unresolved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Callable, Iterable

    from faultlayer.targeting.injection import Injection

_PATIENCE = 0.05  # seconds that an event waits for the loop
UNTOUCHED = (
    "the function made no connection to these hosts while it ran, and used none that the layer "
    "reaches; connections older than the rule are not reached"
)
NO_LOOKUP = (
    "the function looked up none of these names while it ran; an open connection, an address that "
    "it has kept and one that stands in its code need no lookup"
)
NO_HANDSHAKE = (
    "the function began no TLS handshake on its connections to these hosts while it ran; "
    "connections without TLS are left alone"
)
TOO_SHORT = (
    "the answers of these hosts were shorter than the bytes that come through before a reset"
)
NO_ANSWER = "these hosts sent nothing to the function while it ran"
OVERTAKEN = "another fault ended the function's connections to these hosts first"
ONLY_LOCAL = (
    "the function made no connection to these hosts while it ran, but one to a loopback or "
    "link-local address: such a host is meant only if HOSTS names it, without * or /regex/"
)
DIRECT = (
    "the function's connections to these hosts went past the layer: the host refused them or did "
    "not answer, or there were too many at once"
)

MISSED = (
    "the extension answered a connection or a lookup of the function too late, so the function "
    "went on without it: the environment is short of processor time"
)
# Why such a disturbance has touched nothing although bytes of a connection have passed.
_MET = ((Cut, TOO_SHORT), (Late, NO_ANSWER), (BadHandshake, NO_HANDSHAKE))


class Host:
    """Where a connection goes: a name (empty if not known), an address and a port."""

    __slots__ = ("address", "name", "port")

    def __init__(self, name: str, address: bytes, port: int) -> None:
        self.name = name
        self.address = address
        self.port = port

    def text(self) -> str:
        """Its name or, without one, its address."""
        return self.name or address_text(self.address)


class Condition:
    """An injection in force.

    - `spent`: the bytes, or the time (seconds), that it has used up
    - `met`: bytes of a connection to its hosts have passed
    - `passed`: the reason that a connection was left alone; empty if none was
    """

    __slots__ = ("disturbance", "hosts", "injection", "met", "passed", "spent")

    def __init__(self, injection: Injection) -> None:
        self.injection = injection
        self.disturbance = injection.action.disturbance
        self.hosts = injection.action.hosts
        self.met = False
        self.passed = ""
        self.spent: dict[object, float] = {}

    def touched(self, name: str, port: int) -> None:
        """The disturbance did something to a connection: log it, once."""
        if self.injection.is_open:
            self.injection.happened(host=name, **({"port": port} if port else {}))

    def why_untouched(self, otherwise: str) -> str:
        """The reason that nothing was touched; `otherwise` if none is known."""
        if self.passed:
            return self.passed
        if self.met:
            for kind, why in _MET:
                if isinstance(self.disturbance, kind):
                    return why
        if isinstance(self.disturbance, Unresolved) and otherwise == UNTOUCHED:
            return NO_LOOKUP
        return otherwise


class InForce:
    """All conditions in force. `version` changes whenever they do.

    Threads of the data path begin and end conditions; the loop reads `conditions`, a tuple that is
    replaced and never changed. `changed` tells the loop. `missed`: connections and lookups that
    went on by themselves, since the answer to their question was late.
    """

    __slots__ = ("_lock", "_waiting", "changed", "conditions", "missed", "version")

    def __init__(self, changed: Callable[[], None]) -> None:
        self._lock = allocate_lock()
        self._waiting: list[LockType] = []
        self.changed = changed
        self.conditions: tuple[Condition, ...] = ()
        self.missed = 0
        self.version = 0

    def begin(self, injections: list[Injection]) -> tuple[Condition, ...]:
        """Put these in force. Idle connections are ended before this returns, if need be."""
        more = tuple(Condition(injection) for injection in injections)
        with self._lock:
            self.conditions += more
            self.version += 1
        self.catch_up()
        return more

    def end(self, injections: list[Injection]) -> None:
        """Take these out of force."""
        with self._lock:
            self.conditions = tuple(
                condition for condition in self.conditions if condition.injection not in injections
            )
            self.version += 1
        self.changed()

    def catch_up(self) -> None:
        """Wait a moment for the loop's work and for all conditions.

        The loop may have answered a connection just now, and not have reported it as touched yet.
        """
        seen = allocate_lock()
        seen.acquire()
        with self._lock:
            self._waiting.append(seen)
        self.changed()
        seen.acquire(timeout=_PATIENCE)

    def waiting(self) -> list[LockType]:
        """Take the locks of threads that wait for the loop.

        The loop looks at the conditions after that, and then calls `applied`.
        """
        with self._lock:
            waiting, self._waiting = self._waiting, []
        return waiting

    def applied(self, waiting: list[LockType]) -> None:
        """The loop has seen all conditions of these."""
        for lock in waiting:
            lock.release()

    def went_direct(self, name: str, address: bytes, port: int) -> None:
        """A connection to this host goes past the relay."""
        _pass(self.of(name, address, port), DIRECT)

    def left_local(self) -> None:
        """A connection to loopback is left alone, since no rule names it."""
        _pass(self.conditions, ONLY_LOCAL)

    def of(self, name: str, address: bytes | None, port: int) -> list[Condition]:
        """The conditions that hold for this host."""
        found = []
        for condition in self.conditions:
            try:
                if condition.hosts.matches(name, address, port):
                    found.append(condition)
            except Exception as error:
                condition.injection.failed(error)
                self.end([condition.injection])
        return found


def overtaken(conditions: Iterable[Condition], by: Condition) -> None:
    """Note that another condition ended the connection or lookup first."""
    _pass((each for each in conditions if each is not by), OVERTAKEN)


def _pass(conditions: Iterable[Condition], why: str) -> None:
    for condition in conditions:
        if why == OVERTAKEN or not isinstance(condition.disturbance, Unresolved):
            condition.passed = why
