"""The Runtime API: its paths, and the requests that we make ourselves.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

from faultlayer.jsontext import dump_bytes

NEXT = b"GET /2018-06-01/runtime/invocation/next "
RESTORED = b"GET /2018-06-01/runtime/restore/next "
INVOCATION = b"POST /2018-06-01/runtime/invocation/"
RESPONSE = b"response"
ERROR = b"error"
MAX_EVENT = 7 << 20  # bytes: more than Lambda's own limit of 6 MB, with framing
_START_ERROR = b"POST /2018-06-01/runtime/init/error HTTP/1.1"
_RESTORE_ERROR = b"POST /2018-06-01/runtime/restore/error HTTP/1.1"


def target(line: bytes) -> tuple[str, bytes]:
    """The request id and the last path segment of `POST /runtime/invocation/{id}/{what}`."""
    path = line[len(INVOCATION) : line.find(b" ", len(INVOCATION))]
    request_id, _, what = path.partition(b"/")
    return request_id.decode("latin-1"), what


def post(
    request_id: str, what: bytes, host: bytes, invocation_id: bytes, headers: bytes, body: bytes
) -> bytes:
    """A whole request that ends an invocation; `headers` are raw header lines to add."""
    echo = b"Lambda-Runtime-Invocation-Id: %b\r\n" % invocation_id if invocation_id else b""
    return b"%b%b/%b HTTP/1.1\r\nHost: %b\r\n%b%bContent-Length: %d\r\n\r\n%b" % (
        INVOCATION,
        request_id.encode("latin-1"),
        what,
        host,
        echo,
        headers,
        len(body),
        body,
    )


def error_headers(error_type: str) -> bytes:
    """The header lines of an error report."""
    kind = error_type.encode("ascii", "replace")
    return (
        b"Content-Type: application/vnd.aws.lambda.error+json\r\n"
        b"Lambda-Runtime-Function-Error-Type: %b\r\n" % kind
    )


def error_body(error_type: str, message: str) -> bytes:
    """The error object that the caller gets as payload."""
    return dump_bytes({"errorMessage": message, "errorType": error_type, "stackTrace": []})


def start_error(host: bytes, error_type: str, message: str, *, restored: bool) -> bytes:
    """A whole request that reports a failed start of an environment, or a failed restore."""
    body = error_body(error_type, message)
    return b"%b\r\nHost: %b\r\n%bContent-Length: %d\r\n\r\n%b" % (
        _RESTORE_ERROR if restored else _START_ERROR,
        host,
        error_headers(error_type),
        len(body),
        body,
    )


JSON_HEADERS = b"Content-Type: application/json\r\n"
