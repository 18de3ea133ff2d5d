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


def _open(configuration: Configuration) -> tuple[Listener | None, Start | None]:
    """Publish the proxy's address to the wrapper: the listener, if any, and the start's faults.

    Without a listener the runtime is not sent through a proxy.
    """
    wrapper_file.withdraw()
    chooser, live = configuration.chooser, configuration.source is not None
    start: Start | None = None
    if chooser is not None and chooser.starts:
        from faultlayer.acting.cold_start import Start

        start = Start(chooser)
        if not (start.needs_proxy or chooser.rules or live):
            start.publish(None)
            return None, start
    elif chooser is None and not live:
        return None, None
    from faultlayer.startup.listener import LOOPBACK, listen

    listener, port = listen(configuration.settings.port)
    if configuration.settings.runtime_api in ((LOOPBACK, port), ("localhost", port)):
        message = "is the proxy's own address; allowed: another proxy's; nothing is injected"
        configuration.problems.append(Problem("FAULTLAYER_RUNTIME_API", message))
        return None, start
    if start is not None:
        start.publish((LOOPBACK, port))
    else:
        wrapper_file.publish((LOOPBACK, port))
    return listener, start


def _prepare(environ: dict[str, str]) -> tuple[Configuration, Listener | None, Start | None]:
    """Configuration, listener and start. A failure here must not stop the function."""
    configuration = Configuration()
    try:
        configuration = read_environment(environ, limit_file=wrapper_file.COUNTS)
        _begin_metrics(configuration, environ)
        return configuration, *_open(configuration)
    except Exception as error:
        why = f": {error}" if isinstance(error, OSError) else ""  # others may quote a setting
        message = f"{type(error).__name__}{why}; nothing is injected"
        emit("error", "start_failed", message=message)
        return configuration, None, None


def _begin_metrics(configuration: Configuration, environ: dict[str, str]) -> None:
    """Add metrics to log lines about injections from now on, if a variable asks for them."""
    if configuration.settings.metrics is not None and (
        configuration.chooser is not None or configuration.source is not None
    ):
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


def main() -> None:
    """Run until Lambda shuts the environment down."""
    environ = _environment()
    configuration, listener, start = _prepare(environ)
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

    proxy = serve(
        listener, configuration.settings.runtime_api or (host, port), configuration, start
    )
    _check_wrapper(environ.get(_WRAPPER_VARIABLE, ""))
    extension.wait()
    proxy.end()
    if not proxy.reached:
        emit("warn", "not_redirected", message=_NOBODY_CAME)
    _leave(0)
