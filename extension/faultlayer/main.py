"""The extension's life: configure, bind, publish, register, serve, leave.

It promises to register in any case (Lambda would fail the function's start otherwise), to let
the runtime start untouched where there is nothing to inject or something is wrong, and to load
what registering does not need afterwards, while the runtime boots.
"""

from __future__ import annotations

import posix

from faultlayer import address, config
from faultlayer.extension_api import Extension, Refused
from faultlayer.log import emit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from typing import NoReturn

RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"
_WRAPPER_VARIABLE = "AWS_LAMBDA_EXEC_WRAPPER"
_WRAPPER = "/opt/faultlayer-wrapper"
_WRAPPED_PACKAGE = "/var/task/fl-origin"  # what `faultlayer wrap-package` renames bootstrap to
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


def _open(settings: config.Config) -> socket | None:
    """The listener, its address published; None where the runtime is to start untouched."""
    address.withdraw()
    if settings.aim is not None and settings.aim.starts:
        from faultlayer.start import Start

        settings.start = Start(settings.aim)
        if settings.start.suffices(settings):
            settings.start.publish(None)
            return None
    elif settings.aim is None and settings.source is None:
        return None
    from faultlayer.sockets import LOOPBACK, listen

    listener, port = listen(settings.port)
    if settings.upstream in ((LOOPBACK, port), ("localhost", port)):
        message = "is the proxy's own address; allowed: another proxy's; nothing is injected"
        settings.problems.append(config.Problem("FAULTLAYER_RUNTIME_API", message))
        return None
    if settings.start is not None:
        settings.start.publish((LOOPBACK, port))
    else:
        address.publish((LOOPBACK, port))
    return listener


def _prepare(environ: dict[str, str]) -> tuple[config.Config, socket | None]:
    """Configuration and listener; whatever goes wrong here must not stop the function."""
    settings = config.Config()
    try:
        settings = config.read(environ, kept=address.COUNTS)
        _measure(settings, environ)
        return settings, _open(settings)
    except Exception as error:
        why = f": {error}" if isinstance(error, OSError) else ""  # others may quote a setting
        message = f"{type(error).__name__}{why}; nothing is injected"
        emit("error", "start_failed", message=message)
        return settings, None


def _measure(settings: config.Config, environ: dict[str, str]) -> None:
    """From here on lines about injections carry metrics, where that is asked for."""
    if "METRICS" in settings.values and (settings.aim or settings.source):
        from faultlayer import metrics

        metrics.begin(environ.get("AWS_LAMBDA_FUNCTION_NAME", ""))


def _leave(code: int) -> NoReturn:
    """End at once, whatever still runs; no address of ours stays behind."""
    try:
        address.withdraw()
    finally:
        posix._exit(code)


def _is_ours(wrapper: str) -> bool:
    """Whether this is our wrapper, under another name too: some tools know /opt/bootstrap alone."""
    try:
        found, ours = posix.stat(wrapper), posix.stat(_WRAPPER)
    except (OSError, ValueError):
        return False
    return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)


def _check_wrapper(value: str) -> None:
    """Every new user's first mistake: armed, but nothing sends the runtime to the proxy."""
    if value == _WRAPPER or _is_ours(value) or posix.access(_WRAPPED_PACKAGE, posix.F_OK):
        return
    found = "is another wrapper, which must run ours" if value else "is not set"
    message = f"{found}: without {_WRAPPER} no fault reaches the function"
    emit("warn", "not_redirected", variable=_WRAPPER_VARIABLE, message=message)


def main() -> None:
    """Run until Lambda shuts the environment down."""
    environ = _environment()
    settings, listener = _prepare(environ)
    try:
        host, port = config.address(environ.get(RUNTIME_API, ""))
    except ValueError as error:
        emit("fatal", "config_error", variable=RUNTIME_API, message=f"{error}: not in Lambda?")
        _leave(2)
    try:
        extension = Extension(host, port)
    except (OSError, Refused) as error:
        emit("fatal", "not_registered", message=str(error))
        _leave(1)
    for problem in settings.problems:
        emit("error", "config_error", variable=problem.variable, message=problem.message)
    if listener is None:
        if settings.start is not None and settings.start.published:
            _check_wrapper(environ.get(_WRAPPER_VARIABLE, ""))
        extension.wait()
        _leave(0)
    from faultlayer.proxy import serve

    proxy = serve(listener, settings.upstream or (host, port), settings)
    _check_wrapper(environ.get(_WRAPPER_VARIABLE, ""))
    extension.wait()
    if not proxy.reached:
        emit("warn", "not_redirected", message=_NOBODY_CAME)
    _leave(0)
