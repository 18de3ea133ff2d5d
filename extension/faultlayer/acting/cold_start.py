"""The start of an execution environment: what is done to it before the function gets an event.

It promises that variables are changed through the wrapper alone, that all the polls of one runtime
are held until the same moment, that a start which fails is told to Lambda once and as runtimes tell
it, and that what does not come to pass does not count. Loaded only where something may hit a start.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-initerror
"""

from __future__ import annotations

from _thread import allocate_lock
from time import monotonic

from faultlayer.log import emit
from faultlayer.startup import wrapper_file
from faultlayer.vocabulary.actions import Delay, Equip, Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.targeting.choose import Aim
    from faultlayer.targeting.injection import Hit
    from faultlayer.wire.runtime_side import RuntimeSide
    from faultlayer.wire.upstream_side import UpstreamSide

_DYING = 5.0  # seconds until a runtime that could not be ended loses its connection


class Start:
    """What hits this environment's start, drawn once.

    `restored`: whether the runtime has come out of a snapshot since.
    """

    def __init__(self, aim: Aim) -> None:
        hits = aim.begin()
        self._equips = [hit for hit in hits if isinstance(hit.action, Equip)]
        self._rest = [hit for hit in hits if not isinstance(hit.action, Equip)]
        self._runtime_api = b""
        self._lock = allocate_lock()
        self._begun = False
        self._until = 0.0  # by the monotonic clock
        self._failure: Hit | None = None
        self._failed = False
        self.restored = False
        self.published = False

    @property
    def needs_proxy(self) -> bool:
        """True if a delay or a failure is to be injected, which takes the runtime's first poll."""
        return bool(self._rest)

    # -- before the runtime starts ------------------------------------------------------------

    def publish(self, where: tuple[str, int] | None) -> None:
        """Tell the wrapper where the proxy is (None: there is none) and what to set and unset."""
        equips = [hit for hit in self._equips if hit.rule.claim()]
        variables: dict[str, str | None] = {}
        for hit in equips:
            assert isinstance(hit.action, Equip)
            variables.update(hit.action.variables)
        if where is None and not variables:
            return
        try:
            wrapper_file.publish(where, variables)
        except OSError:
            for hit in equips:
                hit.rule.give_back()
            raise
        self.published = True
        if where is not None:
            self._runtime_api = b"%b:%d" % (where[0].encode(), where[1])
        for hit in equips:
            hit.log(None)

    # -- when it asks for its first event -----------------------------------------------------

    def attend(self, runtime: RuntimeSide, upstream: UpstreamSide, host: bytes) -> None:
        """Hold this poll as long as the start is to take; raises Gone where it fails.

        And where the runtime leaves meanwhile.
        """
        if not self._rest:
            return
        # Not before registration, which importing it would delay.
        from faultlayer.wire.sockets import Gone

        with self._lock:
            if not self._begun:
                self._claim()
                self._begun = True
        left = self._until - monotonic()
        if left > 0:
            runtime.wait(left)
        with self._lock:
            if self._failure is not None and not self._failed:
                self._failed = self._fail(upstream, host, self._failure)
        if self._failed:
            runtime.wait(_DYING)
            raise Gone("the runtime, whose start has failed")

    def _claim(self) -> None:
        seconds = 0.0
        for hit in self._rest:
            if isinstance(hit.action, Delay) and hit.rule.claim():
                try:
                    seconds += hit.action.seconds
                except Exception as error:
                    hit.fail(None, error)
                else:
                    hit.log(None)
            elif isinstance(hit.action, Fail) and self._failure is None and hit.rule.claim():
                self._failure = hit
        self._until = monotonic() + seconds

    def _fail(self, upstream: UpstreamSide, host: bytes, hit: Hit) -> bool:
        """Report the failure and end the runtime, as runtimes end; false where Lambda refuses."""
        from faultlayer.environment.processes import Runtime
        from faultlayer.http.runtime_api import start_error

        action = hit.action
        assert isinstance(action, Fail)
        kind, message = action.error_type, action.message
        try:
            said = start_error(host, kind, message, restored=self.restored)
        except Exception as error:
            hit.fail(None, error)
            self._failure = None
            return False
        hit.log(None)
        answer = upstream.send(said)
        upstream.read_rest(answer, lambda data: None)
        if answer.status >= 300:
            hit.rule.give_back()
            self._failure = None
            emit("warn", "answer_refused", status=answer.status)
            return False
        try:
            Runtime(self._runtime_api).kill()
        except OSError:
            pass  # then it ends when its connection does
        return True
