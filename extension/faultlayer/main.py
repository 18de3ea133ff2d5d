"""The life of the extension: configure, bind, publish, register, serve, leave.

    variables ─▶ settings ─▶ listener ─▶ the wrapper's file ─▶ registered ─▶ data path ─▶ SHUTDOWN
                                                                  └▶ Lambda starts the runtime

It registers in any case: Lambda would fail the start of the function otherwise. If there is nothing
to inject, or something is wrong, the runtime starts untouched. Modules that registration does not
need are loaded afterwards, while the runtime boots. What can fail is tried before the wrapper's
file is written, or does not matter: sockets and descriptors are kept ready, no thread is needed to
serve, and if the data path cannot be loaded, connections are relayed without faults.
"""

from __future__ import annotations

import gc
import posix
import sys
from time import sleep

from faultlayer import log
from faultlayer.log import emit
from faultlayer.settings.configuration import Configuration, Problem
from faultlayer.settings.variables import read_environment
from faultlayer.startup import wrapper_file
from faultlayer.startup.extension_api import Extension, Refused
from faultlayer.values.kinds import host_and_port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn

    from faultlayer.acting.cold_start import Start
    from faultlayer.environment.bypass import Lookout
    from faultlayer.proxy import Proxy
    from faultlayer.startup.control_socket import Sockets
    from faultlayer.startup.listener import Listener
    from faultlayer.startup.relay import Loop
    from faultlayer.wire.sockets import Address

RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"
_WRAPPER_VARIABLE = "AWS_LAMBDA_EXEC_WRAPPER"
_WRAPPER = "/opt/faultlayer-wrapper"
_ADAPTER_VARIABLE = "AWS_LWA_LAMBDA_RUNTIME_API_PROXY"
_ADAPTER = "/opt/extensions/lambda-adapter"
_SHELL = "/bin/sh"  # in the wrapper's first line
_MOST_NAMED = 20  # variables in one line of the log
_RESERVE = 6  # descriptors: to load the data path, to watch, for both ends of a first connection
_ATTEMPTS = 20  # to load the data path
_FEW_ATTEMPTS = 5  # to answer the function's connections: invocations wait meanwhile
_PAUSE = 0.05  # seconds between attempts
_NOBODY_CAME = (
    "no invocation came through the proxy, so no fault was injected: the runtime was started by "
    "another wrapper that does not run ours (FAULTLAYER_NEXT_WRAPPER runs one after ours), by an "
    "image's own entrypoint, is OS-only and ignores wrappers (faultlayer wrap-package), or ended "
    "before its first request"
)


def _environment() -> dict[str, str]:
    return {
        name.decode("utf-8", "surrogateescape"): value.decode("utf-8", "surrogateescape")
        for name, value in posix.environ.items()
    }


def _adapters_listener(configuration: Configuration, environ: dict[str, str]) -> Listener | None:
    """The listener that the Lambda Web Adapter is told to come to; None if it is not told so."""
    told = environ.get(_ADAPTER_VARIABLE, "")
    port = configuration.settings.port
    if not told:
        return None
    from faultlayer.startup import web_adapter

    if not web_adapter.names(told, port):
        return None
    try:
        return web_adapter.listen(port)
    except OSError:
        message = f"names port {port}, which another process has: its requests do not come here"
        configuration.problems.append(Problem(_ADAPTER_VARIABLE, message))
        return None


class _Opened:
    """The open sockets and the loop that serve the runtime.

    - `listener`: None if there is no proxy
    - `start`: the faults of the start, if there are any
    - `loop`: accepts connections, and hears from the wrapper
    - `sockets`: by which the function's connections are reached; None if nothing asks for it
    - `reaches`: a rule of the start aims at connections, or they are observed
    - `upstream`: the other proxy that stands for Lambda; None if there is none
    """

    __slots__ = ("_reserve", "listener", "loop", "reaches", "sockets", "start", "upstream")

    def __init__(self, listener: Listener | None = None, start: Start | None = None) -> None:
        self.listener = listener
        self.start = start
        self.loop: Loop | None = None
        self.upstream: Address | None = None
        self.sockets: Sockets | None = None
        self.reaches = False
        self._reserve: list[int] = []
        if self._needs_loop():
            from faultlayer.startup import relay  # noqa: F401 - it must be there if all else fails

    def _needs_loop(self) -> bool:
        return self.listener is not None or (self.start is not None and self.start.sets_variables)

    def begin(self) -> None:
        """Make the loop: the extension is registered."""
        if self._needs_loop():
            from faultlayer.startup.relay import Loop

            self.loop = Loop()

    def reach_connections(self, configuration: Configuration) -> Mapping[str, str | None]:
        """The variables by which the wrapper reaches connections; maybe none.

        A live plan may need them later, and the wrapper can set them at the start only.
        """
        chooser = configuration.chooser
        rules = () if chooser is None or chooser.dry_run else chooser.rules
        aimed = any(rule.fault.aims_at_hosts for rule in rules)
        observed = chooser is not None and bool(chooser.rule_set.observed)
        self.reaches = aimed or observed
        if configuration.source is None and not self.reaches:
            return {}
        from faultlayer.startup import control_socket

        try:
            self.sockets, variables = control_socket.listen(configuration.settings.redirect)
        except OSError as error:
            why = f"{error.strerror}, {control_socket.SHIM}"
            if aimed:
                message = f"connections cannot be disturbed: {why}"
                emit("warn", "fault_not_applied", message=message)
            if observed:
                message = f"connections cannot be observed: {why}"
                emit("warn", "hosts_not_observed", message=message)
            return {}
        return variables

    def reserve(self) -> None:
        """Take descriptors, so that there are some later; raises OSError if there are none."""
        assert self.listener is not None
        for _ in range(_RESERVE):
            self._reserve.append(posix.dup(self.listener.fileno()))

    def release(self) -> None:
        """Give back the descriptors of the reserve, which are needed now."""
        while self._reserve:
            try:
                posix.close(self._reserve.pop())
            except OSError:  # it is closed all the same
                pass


def _open(configuration: Configuration, listener: Listener | None = None) -> _Opened:
    """Publish the proxy's address to the wrapper, as the last step of all that can fail.

    Without a listener the runtime is not sent through a proxy. The given one stays in any case.
    """
    wrapper_file.withdraw()
    chooser, live = configuration.chooser, configuration.source is not None
    start: Start | None = None
    if chooser is not None and chooser.starts:
        from faultlayer.acting.cold_start import Start

        start = Start(chooser)
        if not (start.needs_proxy or chooser.rules or chooser.rule_set.observed or live):
            opened = _Opened(listener, start)
            start.publish(None)
            return opened
    elif chooser is None and not live:
        return _Opened(listener)
    from faultlayer.startup.listener import LOOPBACK, another_address, listen

    if (used := listener) is None:
        used, port = listen(configuration.settings.port)
    else:
        port = configuration.settings.port
    opened = _Opened(used, start)
    if configuration.settings.runtime_api is not None:
        try:
            opened.upstream = another_address(configuration.settings.runtime_api, port)
        except ValueError as error:
            message = (
                f"{error}; allowed: another proxy's address, as host:port; nothing is injected"
            )
            configuration.problems.append(Problem("FAULTLAYER_RUNTIME_API", message))
            configuration.disarm()
            return _Opened(listener)
    try:
        shim = opened.reach_connections(configuration)
        opened.reserve()
        if start is not None:
            start.publish((LOOPBACK, port), shim)
        else:
            wrapper_file.publish((LOOPBACK, port), shim)
    except BaseException:
        opened.release()
        raise
    return opened


def _configure(environ: dict[str, str]) -> Configuration:
    """The configuration in the variables; idle if they cannot be read."""
    try:
        return read_environment(environ, limit_file=wrapper_file.COUNTS)
    except Exception as error:
        _log_failure(error)
        return Configuration()


def _prepare(
    configuration: Configuration, environ: dict[str, str], adapters: Listener | None
) -> _Opened:
    """Open this configuration's sockets and files.

    A failure must not stop the function.
    """
    try:
        _begin_metrics(configuration, environ)
        return _open(configuration, adapters)
    except Exception as error:
        _log_failure(error)
        configuration.disarm()
        return _Opened(adapters)


def _log_failure(error: Exception) -> None:
    why = f": {error}" if isinstance(error, OSError) else ""  # others may quote a setting
    message = f"{type(error).__name__}{why}; nothing is injected"
    emit("error", "start_failed", message=message)


def _begin_metrics(configuration: Configuration, environ: dict[str, str]) -> None:
    """Add metrics to log lines about injections from now on, if a variable asks for them."""
    if configuration.settings.metrics is not None and configuration.is_armed:
        from faultlayer import metrics

        metrics.begin(environ.get("AWS_LAMBDA_FUNCTION_NAME", ""))


def _leave(code: int) -> NoReturn:
    """End at once, and leave no address of the proxy behind."""
    try:
        log.finish()
        wrapper_file.withdraw()
    finally:
        posix._exit(code)


def _is_ours(wrapper: str) -> bool:
    """True if this is our wrapper, even by another name: some tools know /opt/bootstrap alone."""
    try:
        found, ours = posix.stat(wrapper), posix.stat(_WRAPPER)
    except (OSError, ValueError):
        return False
    return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)


def _watch_wrapper(
    loop: Loop, value: str, address: Address, came: Callable[[], bool]
) -> Lookout | None:
    """Warn once a runtime asks Lambda itself, if our wrapper is not named; None if it is.

    What is named does not tell: an image's entrypoint, a wrapped package or another wrapper may run
    ours.
    """
    if value == _WRAPPER or _is_ours(value):
        return None
    from faultlayer.environment.bypass import Lookout

    found = "is another wrapper, which must run ours" if value else "is not set"
    message = f"{found}: without {_WRAPPER} no fault reaches the function"

    def warn() -> None:
        emit("warn", "not_redirected", variable=_WRAPPER_VARIABLE, message=message)

    return Lookout(loop, address, came, warn)


def _check_names(environ: dict[str, str]) -> None:
    """Warn of variables that are lost on their way through the wrapper's shell, idle or not.

    Lambda refuses such names; an image may have them. Bash passes them on, dash and busybox do not.
    """
    odd = [name for name in environ if not (name.isascii() and name.isidentifier())]
    wrapper = environ.get(_WRAPPER_VARIABLE, "")
    if not odd or not (wrapper == _WRAPPER or _is_ours(wrapper)):
        return
    try:
        shell = posix.readlink(_SHELL)
    except OSError:  # it has no other name that would say which shell it is
        return
    if shell.endswith("bash"):
        return
    message = (
        f"are names that {_SHELL} ({shell}) cannot hold: the function does not get them if that "
        "starts the wrapper; bash passes them on"
    )
    emit("warn", "not_delivered", variables=odd[:_MOST_NAMED], message=message)


def _check_adapter(environ: dict[str, str], port: int, adapters: Listener | None) -> bool:
    """True if the Lambda Web Adapter is here; warn if it does not send its requests to us."""
    if adapters is not None:
        return True
    if not posix.access(_ADAPTER, posix.F_OK):
        return False
    found = "names another address" if environ.get(_ADAPTER_VARIABLE) else "is not set"
    message = (
        f"{found}: the Lambda Web Adapter ({_ADAPTER}) asks Lambda itself, and no fault "
        f"reaches the function; faultlayer listens at 127.0.0.1:{port}"
    )
    emit("warn", "not_redirected", variable=_ADAPTER_VARIABLE, message=message)
    return True


def _check_next_wrapper(environ: dict[str, str]) -> None:
    """Warn if the wrapper that runs after ours sends the runtime past us."""
    following = environ.get("FAULTLAYER_NEXT_WRAPPER")
    if not following:
        return
    from faultlayer.startup.datadog import rerouted_by

    if variable := rerouted_by(environ, following):
        message = (
            f"makes {following} send the runtime to Datadog's own proxy, which bypasses "
            "faultlayer, or is not there at all behind another wrapper; allowed: false"
        )
        emit("warn", "not_redirected", variable=variable, message=message)


def _serve(opened: _Opened, upstream: Address, configuration: Configuration) -> Proxy | None:
    """Load the data path, and serve. If that is impossible, relay: the runtime is on its way."""
    listener, loop = opened.listener, opened.loop
    assert listener is not None
    assert loop is not None
    for attempt in range(_ATTEMPTS):
        opened.release()
        try:
            from faultlayer.proxy import serve

            return serve(loop, listener, upstream, configuration, opened.start)
        except Exception as error:
            if attempt == _ATTEMPTS - 1:
                _log_failure(error)
        sys.path_importer_cache.clear()  # it remembers folders as empty that could not be read
        sleep(_PAUSE)
    from faultlayer.startup.relay import Door, relay

    Door(loop, listener, lambda client, spare: relay(loop, client, spare, upstream), [])
    return None


def _hear_wrapper(loop: Loop | None, start: Start) -> None:
    """Let the wrapper's report that it has changed variables be heard."""
    if loop is None or start.reports < 0:
        return

    def heard() -> None:
        start.confirm()
        loop.remove(start.reports)

    loop.add(start.reports, 1, heard)  # POLLIN


def _answer_connections(opened: _Opened, sockets: Sockets, proxy: Proxy | None) -> None:
    """Answer the shim and the proxy's clients.

    Without an answer, the shim connects by itself.
    """
    for attempt in range(_FEW_ATTEMPTS):
        try:
            from faultlayer.dependencies import service

            if proxy is None:  # the proxy's clients have no other way
                service.start(sockets, lambda name, address, port: False, frozenset())
            else:
                service.start(
                    sockets,
                    proxy.aims_at,
                    proxy.own_ports(),
                    proxy.clock,
                    proxy.observes_hosts,
                    wanted=opened.reaches,
                )
            return
        except Exception as error:
            if attempt == _FEW_ATTEMPTS - 1:
                _log_failure(error)
        sleep(_PAUSE)
    sockets.close()


def _finish_observing() -> None:
    try:
        from faultlayer.dependencies import service

        service.finish()
    except Exception as error:
        emit("error", "internal_error", message=type(error).__name__)


def main() -> None:
    """Run until Lambda shuts the environment down."""
    log.never_wait()
    environ = _environment()
    try:
        host, port = host_and_port(environ.get(RUNTIME_API, ""))
    except ValueError as error:
        emit("fatal", "config_error", variable=RUNTIME_API, message=f"{error}: not in Lambda?")
        _leave(2)
    try:
        extension = Extension(host, port)
        configuration = _configure(environ)
        adapters = _adapters_listener(configuration, environ)
        opened = _prepare(configuration, environ, adapters)
        extension.register()
    except (OSError, Refused) as error:
        emit("fatal", "not_registered", message=str(error))
        _leave(1)
    gc.enable()  # the layer disables it for the start
    for problem in configuration.problems:
        emit("error", "config_error", variable=problem.variable, message=problem.message)
    if configuration.over is not None:
        over = configuration.over
        emit("info", "window_over", variable=over.variable, message=over.message)
    _check_names(environ)
    opened.begin()
    start, loop = opened.start, opened.loop
    if start is not None:
        _hear_wrapper(loop, start)
    wrapper = environ.get(_WRAPPER_VARIABLE, "")
    lookout: Lookout | None = None
    if opened.listener is None:
        if start is not None and start.published and loop is not None:
            lookout = _watch_wrapper(loop, wrapper, (host, port), start.is_confirmed)
        extension.wait(loop)
        if start is not None:
            if lookout is not None and not start.is_confirmed():
                lookout.finish()
            start.withdraw()
        _leave(0)
    assert loop is not None
    armed = configuration.is_armed
    proxy = _serve(opened, opened.upstream or (host, port), configuration)
    if opened.sockets is not None:
        _answer_connections(opened, opened.sockets, proxy)
    if proxy is not None and armed:
        adapter = _check_adapter(environ, configuration.settings.port, adapters)
        if not adapter:
            _check_next_wrapper(environ)
        if start is not None and start.sets_variables:
            lookout = _watch_wrapper(loop, wrapper, (host, port), start.is_confirmed)
        elif not adapter:
            lookout = _watch_wrapper(loop, wrapper, (host, port), lambda: proxy.reached)
    extension.wait(loop)
    if proxy is not None:
        proxy.end()
        if opened.sockets is not None:
            _finish_observing()
        if armed and not proxy.reached:
            if lookout is not None:
                lookout.finish()
            emit("warn", "not_redirected", message=_NOBODY_CAME)
    elif start is not None:
        start.withdraw()
    _leave(0)
