"""Errors in each AWS service's form: SDKs raise their own exceptions.

The shape follows the protocol that the client spoke: AWS JSON 1.0 and 1.1, REST-JSON, REST-XML,
query, EC2 query and RPC v2 CBOR (all in https://smithy.io/2.0/aws/protocols/).
"""

from __future__ import annotations

from faultlayer.aws_api.operations import CBOR, EC2, JSON, QUERY, REST_JSON, REST_XML
from faultlayer.jsontext import dump_bytes
from faultlayer.values.suggestion import hint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.aws_api.models import Service

THROTTLE, DENY, UNAVAILABLE = "throttle", "deny", "unavailable"
_KINDS = {
    # Codes of throttling in the order in which a declared one is taken. SDKs retry all of them.
    THROTTLE: (
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "TooManyRequestsException",
        "ThrottledException",
        "RequestThrottledException",
        "RequestThrottled",
        "RequestLimitExceeded",
        "Throttling",
        "Throttled",
    ),
    DENY: ("AccessDeniedException", "AccessDenied", "AuthorizationErrorException"),
    UNAVAILABLE: ("ServiceUnavailableException", "ServiceUnavailable"),
}
# The codes of services whose models declare none of these, by protocol.
_USUAL = {
    THROTTLE: {QUERY: "Throttling", REST_XML: "Throttling", EC2: "RequestLimitExceeded"},
    DENY: {QUERY: "AccessDenied", REST_XML: "AccessDenied", EC2: "UnauthorizedOperation"},
    UNAVAILABLE: {REST_JSON: "ServiceUnavailableException"},
}
_OTHERWISE = {
    THROTTLE: "ThrottlingException",
    DENY: "AccessDeniedException",
    UNAVAILABLE: "ServiceUnavailable",
}
# Errors that any service may send, declared or not, with their status ("Common errors" in the API
# reference of each service).
_COMMON = {
    "AccessDenied": 403,
    "AccessDeniedException": 403,
    "ExpiredToken": 400,
    "ExpiredTokenException": 400,
    "IncompleteSignature": 400,
    "InternalError": 500,
    "InternalFailure": 500,
    "InternalServerError": 500,
    "InternalServerException": 500,
    "InvalidClientTokenId": 403,
    "InvalidSignatureException": 400,
    "OptInRequired": 403,
    "RequestExpired": 400,
    "RequestLimitExceeded": 503,
    "RequestTimeout": 400,
    "ServiceUnavailable": 503,
    "ServiceUnavailableException": 503,
    "SignatureDoesNotMatch": 403,
    "SlowDown": 503,
    "Throttling": 400,
    "ThrottlingException": 400,
    "TooManyRequestsException": 429,
    "UnauthorizedOperation": 403,
    "UnrecognizedClientException": 400,
    "ValidationError": 400,
    "ValidationException": 400,
}
_JSON_TYPE = "application/x-amz-json-"


class Error:
    """An error of a service.

    `code` on the wire, HTTP `status`, `name` of the exception.
    """

    __slots__ = ("code", "name", "status")

    def __init__(self, code: str, status: int, name: str) -> None:
        self.code = code
        self.status = status
        self.name = name

    @property
    def is_senders(self) -> bool:
        """True if the client is to blame."""
        return self.status < 500


def usual(service: Service, kind: str, protocol: str) -> Error:
    """The service's error of this kind (THROTTLE, DENY, UNAVAILABLE)."""
    if kind == THROTTLE and service.id == "S3":
        return Error("SlowDown", 503, "SlowDown")
    declared = {_name(service, code): code for code in service.errors}
    for name in _KINDS[kind]:
        if name in declared:
            return _declared(service, declared[name], protocol)
    code = _USUAL[kind].get(protocol, _OTHERWISE[kind])
    return Error(code, _status(code, 0, protocol), code)


def named(service: Service, code: str, protocol: str) -> Error:
    """The error of this code.

    Raises ValueError, with the nearest code, if no service would send it.
    """
    for each in service.errors:
        if code in (each, _name(service, each)):
            return _declared(service, each, protocol)
    if code in _COMMON:
        return Error(code, _status(code, 0, protocol), code)
    known = [_name(service, each) for each in service.errors]
    raise ValueError(f"is no error of {service.id}{hint(code, [*known, *_COMMON])}")


def _name(service: Service, code: str) -> str:
    found = service.errors[code]
    name: str = found[1] if len(found) > 1 else code
    return name


def _declared(service: Service, code: str, protocol: str) -> Error:
    name = _name(service, code)
    return Error(code, _status(name, service.errors[code][0], protocol), name)


def _status(code: str, declared: int, protocol: str) -> int:
    if declared:
        return declared
    status = _COMMON.get(code, 400)
    if protocol in (JSON, CBOR) and status < 500:
        return 400  # these protocols have one status for all errors of the sender
    if protocol == REST_JSON and code == "ThrottlingException":
        return 429
    if protocol == EC2 and code == "RequestLimitExceeded":
        return 503
    return status


# -- the answer ---------------------------------------------------------------------------------


class Answer:
    """An HTTP answer: status, headers, body."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


def answer(service: Service, error: Error, protocol: str, message: str, request_id: str) -> Answer:
    """The error as an HTTP answer, for a client of this protocol."""
    if protocol == JSON:
        kind = _JSON_TYPE + (service.json_version or "1.0")
        content = {"__type": f"{_namespace(service)}#{error.name}", "message": message}
        return _answer(service, error, kind, dump_bytes(content), request_id)
    if protocol == CBOR:
        content = {"__type": f"{_namespace(service)}#{error.name}", "message": message}
        made = _answer(service, error, "application/cbor", _cbor(content), request_id)
        made.headers.append(("smithy-protocol", CBOR.removeprefix("smithy-")))
        return made
    if protocol == REST_JSON:
        made = _answer(
            service, error, "application/json", dump_bytes({"message": message}), request_id
        )
        made.headers.append(("x-amzn-ErrorType", error.name))
        return made
    return _answer(
        service, error, "text/xml", _xml(service, error, protocol, message, request_id), request_id
    )


def _answer(service: Service, error: Error, kind: str, body: bytes, request_id: str) -> Answer:
    headers = [
        ("x-amz-request-id" if service.id == "S3" else "x-amzn-RequestId", request_id),
        ("Content-Type", kind),
        ("Content-Length", str(len(body))),
    ]
    if service.from_query:  # clients that expect the codes of the query protocol read this one
        headers.append(("x-amzn-query-error", f"{error.code};{_fault(error)}"))
    return Answer(error.status, headers, body)


def _namespace(service: Service) -> str:
    name = "".join(c for c in service.id.lower() if c.isalnum())
    return f"com.amazonaws.{name}.v{service.version.replace('-', '')}"


def _fault(error: Error) -> str:
    return "Sender" if error.is_senders else "Receiver"


def _xml(service: Service, error: Error, protocol: str, message: str, request_id: str) -> bytes:
    code, text, number = (_escaped(each) for each in (error.code, message, request_id))
    inside = f"<Code>{code}</Code><Message>{text}</Message>"
    if service.id == "S3":
        whole = f"<Error>{inside}<RequestId>{number}</RequestId></Error>"
    elif protocol == EC2:
        whole = (
            f"<Response><Errors><Error>{inside}</Error></Errors>"
            f"<RequestID>{number}</RequestID></Response>"
        )
    else:
        space = f' xmlns="{_escaped(service.xml_namespace)}"' if service.xml_namespace else ""
        whole = (
            f"<ErrorResponse{space}><Error><Type>{_fault(error)}</Type>{inside}</Error>"
            f"<RequestId>{number}</RequestId></ErrorResponse>"
        )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{whole}'.encode()


def _escaped(text: str) -> str:
    return (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    )


def _cbor(content: dict[str, str]) -> bytes:
    """A map of texts (RFC 8949, section 3)."""
    made = bytearray(_cbor_head(5, len(content)))
    for pair in content.items():
        for text in pair:
            data = text.encode()
            made += _cbor_head(3, len(data)) + data
    return bytes(made)


def _cbor_head(kind: int, number: int) -> bytes:
    if number < 24:
        return bytes((kind << 5 | number,))
    size = 1 if number < 1 << 8 else 2 if number < 1 << 16 else 4
    return bytes((kind << 5 | {1: 24, 2: 25, 4: 26}[size],)) + number.to_bytes(size, "big")
