"""The Lambda Web Adapter: an extension that asks Lambda for events in the place of a runtime.

    AWS_LWA_LAMBDA_RUNTIME_API_PROXY=127.0.0.1:9747 ──> the adapter's requests come to our listener

Lambda starts it at the same time as this process. From 1.0 on it registers at the address in the
variable as well, and ends if nobody listens there: then the function cannot start. So we listen in
any case if the variable names us, and the launcher does so before Python is there.
https://github.com/awslabs/aws-lambda-web-adapter
"""

from __future__ import annotations

from _socket import AF_INET, SOCK_STREAM, socket
from posix import set_inheritable

from faultlayer.startup.listener import LOOPBACK, is_loopback, listen_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.startup.listener import Listener

VARIABLE = "AWS_LWA_LAMBDA_RUNTIME_API_PROXY"
_SCHEME = "http://"
_DESCRIPTORS = range(3, 32)  # the launcher's socket has the lowest number that was free


def names(value: str, port: int) -> bool:
    """True if this value names our listener at this port, in whatever spelling."""
    text = value.strip().lower()
    text = text[len(_SCHEME) :] if text.startswith(_SCHEME) else text
    host, _, number = text.partition("/")[0].rpartition(":")
    return number.isascii() and number.isdigit() and int(number) == port and is_loopback(host)


def listen(port: int) -> Listener:
    """The launcher's listener, or a new one; raises OSError if another process has the port."""
    return inherited(port) or listen_at(port)


def inherited(port: int) -> Listener | None:
    """The socket that the launcher left listening at this port, if it did."""
    for descriptor in _DESCRIPTORS:
        try:
            sock = socket(AF_INET, SOCK_STREAM, 0, descriptor)
        except OSError:
            continue
        try:
            if sock.getsockname() == (LOOPBACK, port):
                set_inheritable(descriptor, False)
                return sock
        except OSError:
            pass
        sock.detach()
    return None
