"""The start of an execution environment: variables set, the first poll held, or the start failed.

    before the runtime starts   publish ──> the wrapper's file: the address, what to set and unset
    the wrapper has set it      confirm ──> the line of the log
    its first poll              attend  ──> held for a time ──> or the failure reported, and killed

Variables change through the wrapper alone. All polls of one runtime are held until the same moment.
A failure is reported once, as runtimes report it. An action is claimed when it is about to happen,
so a start that ends by itself counts nothing. Loaded only if a rule may hit a start.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-initerror
"""

from __future__ import annotations

import posix
from _thread import allocate_lock
from time import monotonic

from faultlayer.startup import wrapper_file
from faultlayer.targeting.injection import refusal, withdraw_open
from faultlayer.vocabulary.actions import Delay, Fail, SetEnvironment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from faultlayer.targeting.choose import Chooser
    from faultlayer.targeting.injection import Candidate, Injection
    from faultlayer.vocabulary.actions import Action
    from faultlayer.wire.runtime_side import RuntimeSide
    from faultlayer.wire.upstream_side import UpstreamSide

_NOT_CHANGED = (
    "faultlayer's wrapper did not start the runtime, or its shell refuses to change a variable"
)
_DYING = 5.0  # seconds until a runtime that could not be ended loses its connection


class Start:
    """The actions on this environment's start, drawn once.

    - `restored`: the runtime has come out of a snapshot since
    - `published`: the wrapper has been told something
    - `reports`: the descriptor on which the wrapper says that all variables are changed; -1: none
    """

    def __init__(self, chooser: Chooser) -> None:
        groups: dict[type[Action], list[Candidate]] = {}
        for candidate in chooser.begin():
            groups.setdefault(type(candidate.action), []).append(candidate)
        self._variables = groups.get(SetEnvironment, [])
        self._delays = groups.get(Delay, [])
        self._failures = groups.get(Fail, [])
        self._runtime_api = b""
        self._lock = allocate_lock()
        self._begun = False
        self._until = 0.0  # by the monotonic clock
        self._failure: Injection | None = None
        self._failed = False
        self.restored = False
        self.published = False
        self.reports = -1
        self._unconfirmed: list[Injection] = []

    @property
    def needs_proxy(self) -> bool:
        """True if a delay or a failure is due: then the runtime's polls must come here."""
        return bool(self._delays or self._failures)

    @property
    def sets_variables(self) -> bool:
        """True if the wrapper is to change variables."""
        return bool(self._variables)

    # -- before the runtime starts ------------------------------------------------------------

    def publish(
        self, where: tuple[str, int] | None, shim: Mapping[str, str | None] | None = None
    ) -> None:
        """Tell the wrapper the proxy's address (None: no proxy) and the variables to change.

        `shim`: the variables by which it loads the shim.
        """
        claimed = [each for c in self._variables if (each := c.claim(None)) is not None]
        variables: dict[str, str | None] = {}
        for injection in claimed:
            variables.update(injection.action.variables)
        if where is None and not variables:
            return
        told: int | None = None
        try:
            if claimed:
                self.reports, told = posix.pipe2(posix.O_CLOEXEC | posix.O_NONBLOCK)
            wrapper_file.publish(where, {**variables, **(shim or {})}, told)
        except BaseException:
            for injection in claimed:
                injection.withdrawn()
            raise
        self.published = True
        self._unconfirmed = claimed
        if where is not None:
            self._runtime_api = b"%b:%d" % (where[0].encode(), where[1])

    def confirm(self) -> None:
        """Log the variables as injected if the wrapper says that it has changed them all."""
        with self._lock:
            if not self._unconfirmed:
                return
            try:
                posix.read(self.reports, 64)
            except BlockingIOError:
                return
            claimed, self._unconfirmed = self._unconfirmed, []
        for injection in claimed:
            injection.happened()

    def is_confirmed(self) -> bool:
        """True if there is nothing that the wrapper still has to say."""
        self.confirm()
        return not self._unconfirmed

    def _refute(self) -> None:
        """Log that the variables were not changed, unless the wrapper says that they were."""
        self.confirm()
        with self._lock:
            claimed, self._unconfirmed = self._unconfirmed, []
        for injection in claimed:
            injection.skipped(_NOT_CHANGED)

    # -- at the runtime's first poll ----------------------------------------------------------

    def attend(self, runtime: RuntimeSide, upstream: UpstreamSide, host: bytes) -> None:
        """Hold this poll as long as the start is to take.

        Raise Gone if the start fails, or if the runtime leaves meanwhile.
        """
        self._refute()
        if not self.needs_proxy:
            return
        # Not before registration, which importing it would delay.
        from faultlayer.wire.sockets import Gone

        with self._lock:
            if not self._begun:
                self._claim()
                self._begun = True
        seconds = self._until - monotonic()
        if seconds > 0:
            runtime.wait(seconds)
        with self._lock:
            if self._failure is not None and not self._failed:
                self._failed = self._fail(upstream, host, self._failure)
        if self._failed:
            runtime.wait(_DYING)
            raise Gone("the runtime, whose start has failed")

    def _claim(self) -> None:
        seconds = 0.0
        for candidate in self._delays:
            injection = candidate.claim(None)
            if injection is None:
                continue
            try:
                seconds += injection.action.seconds
            except Exception as error:
                injection.failed(error)
            else:
                injection.happened()
        for candidate in self._failures:
            self._failure = candidate.claim(None)
            if self._failure is not None:
                break
        self._until = monotonic() + seconds

    def withdraw(self) -> None:
        """The environment ends: neither the wrapper nor the runtime will come any more."""
        self._refute()
        if self._failure is not None:
            withdraw_open([self._failure])

    def _fail(self, upstream: UpstreamSide, host: bytes, injection: Injection) -> bool:
        """Report the failure and end the runtime, as runtimes end; false if Lambda refuses."""
        from faultlayer.environment.processes import Runtime
        from faultlayer.http.runtime_api import start_error

        action = injection.action
        try:
            report = start_error(host, action.error_type, action.message, restored=self.restored)
        except Exception as error:
            injection.failed(error)
            self._failure = None
            return False
        answer = upstream.send(report)
        if answer.status >= 300:
            self._failure = None
            injection.skipped(refusal(answer.status))
            upstream.read_rest(answer, lambda data: None)
            return False
        injection.happened()  # at once: Lambda ends this process with the environment
        upstream.read_rest(answer, lambda data: None)
        try:
            Runtime(self._runtime_api).kill()
        except OSError:
            pass  # then it ends when its connection does
        return True
