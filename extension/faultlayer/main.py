"""The life of the extension: configure, bind, publish, register, serve, leave.

    variables ─▶ settings ─▶ listener ─▶ the wrapper's file ─▶ registered ─▶ data path ─▶ SHUTDOWN
                                                                  └▶ Lambda starts the runtime

It registers in any case: Lambda would fail the start of the function otherwise. If there is nothing
to inject, or something is wrong, the runtime starts untouched. Modules that registration does not
need are loaded afterwards, while the runtime boots.
"""

from __future__ import annotations

import posix

from faultlayer.log import emit
from faultlayer.settings.configuration import Configuration, Problem
from faultlayer.settings.variables import read_environment
from faultlayer.startup import wrapper_file
from faultlayer.startup.extension_api import Extension, Refused
from faultlayer.values.kinds import host_and_port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from faultlayer.acting.cold_start import Start
    from faultlayer.startup.listener import Listener

RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"
_WRAPPER_VARIABLE = "AWS_LAMBDA_EXEC_WRAPPER"
_WRAPPER = "/opt/faultlayer-wrapper"
_ADAPTER_VARIABLE = "AWS_LWA_LAMBDA_RUNTIME_API_PROXY"
_ADAPTER = "/opt/extensions/lambda-adapter"
_WRAPPED_PACKAGE = "/var/task/fl-origin"  # the new name that `wrap-package` gives to bootstrap
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


def _open(
    configuration: Configuration, listener: Listener | None = None
) -> tuple[Listener | None, Start | None]:
    """Publish the proxy's address to the wrapper: the listener, if any, and the start's faults.

    Without a listener the runtime is not sent through a proxy. The given one stays in any case.
    """
    wrapper_file.withdraw()
    chooser, live = configuration.chooser, configuration.source is not None
    start: Start | None = None
    if chooser is not None and chooser.starts:
        from faultlayer.acting.cold_start import Start

        start = Start(chooser)
        if not (start.needs_proxy or chooser.rules or live):
            start.publish(None)
            return listener, start
    elif chooser is None and not live:
        return listener, None
    from faultlayer.startup.listener import LOOPBACK, listen

    if (opened := listener) is None:
        opened, port = listen(configuration.settings.port)
    else:
        port = configuration.settings.port
    if configuration.settings.runtime_api in ((LOOPBACK, port), ("localhost", port)):
        message = "is the proxy's own address; allowed: another proxy's; nothing is injected"
        configuration.problems.append(Problem("FAULTLAYER_RUNTIME_API", message))
        configuration.disarm()
        return listener, start
    if start is not None:
        start.publish((LOOPBACK, port))
    else:
        wrapper_file.publish((LOOPBACK, port))
    return opened, start


def _configure(environ: dict[str, str]) -> Configuration:
    """What the variables say; nothing to inject if they cannot be read."""
    try:
        return read_environment(environ, limit_file=wrapper_file.COUNTS)
    except Exception as error:
        _log_failure(error)
        return Configuration()


def _prepare(
    configuration: Configuration, environ: dict[str, str], adapters: Listener | None
) -> tuple[Listener | None, Start | None]:
    """Listener and start. A failure here must not stop the function."""
    try:
        _begin_metrics(configuration, environ)
        return _open(configuration, adapters)
    except Exception as error:
        _log_failure(error)
        configuration.disarm()
        return adapters, None


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


def _check_wrapper(value: str) -> None:
    """Warn if faults are armed but nothing sends the runtime to the proxy."""
    if value == _WRAPPER or _is_ours(value) or posix.access(_WRAPPED_PACKAGE, posix.F_OK):
        return
    found = "is another wrapper, which must run ours" if value else "is not set"
    message = f"{found}: without {_WRAPPER} no fault reaches the function"
    emit("warn", "not_redirected", variable=_WRAPPER_VARIABLE, message=message)


def _check_redirection(
    environ: dict[str, str], port: int, adapters: Listener | None, start: Start | None
) -> None:
    """Warn if faults are armed but nothing sends the function's requests to the proxy."""
    by_wrapper = adapters is None
    if by_wrapper and posix.access(_ADAPTER, posix.F_OK):
        by_wrapper = False
        found = "names another address" if environ.get(_ADAPTER_VARIABLE) else "is not set"
        message = (
            f"{found}: the Lambda Web Adapter ({_ADAPTER}) asks Lambda itself, and no fault "
            f"reaches the function; faultlayer listens at 127.0.0.1:{port}"
        )
        emit("warn", "not_redirected", variable=_ADAPTER_VARIABLE, message=message)
    if by_wrapper or (start is not None and start.sets_variables):
        _check_wrapper(environ.get(_WRAPPER_VARIABLE, ""))


def main() -> None:
    """Run until Lambda shuts the environment down."""
    environ = _environment()
    configuration = _configure(environ)
    adapters = _adapters_listener(configuration, environ)
    listener, start = _prepare(configuration, environ, adapters)
    try:
        host, port = host_and_port(environ.get(RUNTIME_API, ""))
    except ValueError as error:
        emit("fatal", "config_error", variable=RUNTIME_API, message=f"{error}: not in Lambda?")
        _leave(2)
    try:
        extension = Extension(host, port)
    except (OSError, Refused) as error:
        emit("fatal", "not_registered", message=str(error))
        _leave(1)
    for problem in configuration.problems:
        emit("error", "config_error", variable=problem.variable, message=problem.message)
    if listener is None:
        if start is not None and start.published:
            _check_wrapper(environ.get(_WRAPPER_VARIABLE, ""))
        extension.wait()
        _leave(0)
    from faultlayer.proxy import serve

    armed = configuration.is_armed
    upstream = (armed and configuration.settings.runtime_api) or (host, port)
    proxy = serve(listener, upstream, configuration, start)
    if armed:
        _check_redirection(environ, configuration.settings.port, adapters, start)
    extension.wait()
    proxy.end()
    if armed and not proxy.reached:
        emit("warn", "not_redirected", message=_NOBODY_CAME)
    _leave(0)
