"""Recognise the operation of a request, and the protocol of its client.

    X-Amz-Target: DynamoDB_20120810.PutItem           JSON
    /service/Name/operation/PutMetricData             CBOR (smithy-protocol: rpc-v2-cbor)
    Action=SendMessage&Version=2012-11-05             query, in the body or the query string
    PUT /bucket/key?partNumber=1&uploadId=x           REST: the most specific route that fits

The request decides, and not the model: an older SDK may speak the protocol that its service spoke
then.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from faultlayer.aws_api.models import Service

JSON, CBOR, QUERY, EC2 = "json", "smithy-rpc-v2-cbor", "query", "ec2"
REST_JSON, REST_XML = "rest-json", "rest-xml"
_FORM = "application/x-www-form-urlencoded"


class Call:
    """An operation and the protocol of the request.

    `operation`: empty if unknown.
    """

    __slots__ = ("operation", "protocol")

    def __init__(self, operation: str, protocol: str) -> None:
        self.operation = operation
        self.protocol = protocol


def needs_body(method: str, header: Callable[[str], str]) -> bool:
    """True if the operation shows only in the body's first bytes."""
    return (
        method == "POST"
        and not header("x-amz-target")
        and header("content-type").lower().startswith(_FORM)
    )


def recognise(
    service: Service,
    method: str,
    target: str,
    header: Callable[[str], str],
    body: bytes = b"",
) -> Call:
    """Recognise the call that a request makes.

    - `target`: path and query string, as in the request line
    - `header`: a header's value by its name in small letters; empty if it is not there
    - `body`: its begin, if `needs_body`
    """
    path, _, query = target.partition("?")
    named = header("x-amz-target")
    if named:
        return _known(service, named.rpartition(".")[2], JSON)
    if header("smithy-protocol") or _is_cbor_path(path):
        return _known(service, path.rpartition("/")[2], CBOR)
    protocol = service.protocols[0]
    rest = protocol if protocol in (REST_JSON, REST_XML) else ""
    if not rest:
        text = body.decode("latin-1") if needs_body(method, header) else query
        return _known(service, _action(text), EC2 if EC2 in service.protocols else QUERY)
    if service.id == "S3":
        path = _with_bucket(path, header("host"))
    return Call(_routed(service, method, path, query, header), rest)


def _known(service: Service, operation: str, protocol: str) -> Call:
    return Call(operation if operation in service.operations else "", protocol)


def _is_cbor_path(path: str) -> bool:
    parts = path.split("/")
    return len(parts) > 4 and parts[-4] == "service" and parts[-2] == "operation"


def _action(text: str) -> str:
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if name == "Action":
            return value.strip()
    return ""


def _with_bucket(path: str, host: str) -> str:
    """The path with the bucket of the host name in front.

    See "Virtual hosting of buckets" in the Amazon S3 User Guide.
    """
    for mark in (".s3.", ".s3-"):
        bucket, found, _ = host.partition(mark)
        if found:
            return f"/{bucket}{path}"
    return path


# -- REST ---------------------------------------------------------------------------------------


class Route:
    """The route of a REST operation: path segments, query members and headers.

    - `told`: members of the query string, with their value if the route has one
    - `needed`: members of the query string, and headers, without which there is no such request
    """

    __slots__ = ("headers", "members", "operation", "segments", "told")

    def __init__(self, operation: str, uri: str, needed: list[str]) -> None:
        path, _, query = uri.partition("?")
        self.operation = operation
        self.segments = path.strip("/").split("/")
        self.told = [pair.partition("=")[0::2] for pair in query.split("&") if pair]
        self.members = [name[1:] for name in needed if name[0] == "?"]
        self.headers = [name[1:].lower() for name in needed if name[0] == ":"]

    def rank(
        self, parts: list[str], asked: dict[str, str], header: Callable[[str], str]
    ) -> tuple[int, ...] | None:
        """The route's specificity; None if the request does not fit it."""
        literals = _literals(self.segments, parts)
        if literals is None:
            return None
        for name, value in self.told:
            if name not in asked or (value and asked[name] != value):
                return None
        for name in self.members:
            if name not in asked:
                return None
        for name in self.headers:
            if not header(name):
                return None
        more = len(self.members) + len(self.headers)
        return (literals, len(self.told), more, not self.segments[-1].endswith("+}"))


def routes(service: Service) -> dict[str, list[Route]]:
    """The routes of all operations, by method."""
    found: dict[str, list[Route]] = {}
    for operation, text in service.operations.items():
        method, uri, *needed = text.split()
        found.setdefault(method, []).append(Route(operation, uri, needed))
    return found


def _routed(
    service: Service, method: str, path: str, query: str, header: Callable[[str], str]
) -> str:
    if service.routes is None:
        service.routes = routes(service)
    asked = dict(pair.partition("=")[0::2] for pair in query.split("&") if pair)
    parts = [_unquoted(part) for part in path.split("/")[1:]]
    if not parts or not parts[-1]:  # a slash at the end belongs to a key, and else to nothing
        parts = parts[:-1] or [""]
    best: tuple[int, ...] = (-1,)
    operation = ""
    for route in service.routes.get(method, ()):
        rank = route.rank(parts, asked, header)
        if rank is not None and rank > best:
            best, operation = rank, route.operation
    return operation


def _literals(pattern: list[str], parts: list[str]) -> int | None:
    """The number of literal segments that match; None if the path differs."""
    count = 0
    for at, segment in enumerate(pattern):
        if segment.endswith("+}"):  # any number of segments, then those after it
            after = pattern[at + 1 :]
            if len(parts) - at < 1 + len(after):
                return None
            rest = _literals(after, parts[len(parts) - len(after) :]) if after else 0
            return None if rest is None else count + rest
        if at >= len(parts):
            return None
        if segment.startswith("{"):
            if not parts[at]:
                return None
        elif segment != parts[at]:
            return None
        else:
            count += 1
    return count if len(pattern) == len(parts) else None


def _unquoted(part: str) -> str:
    """A path's segment without its escapes, slashes included."""
    if "%" not in part:
        return part
    first, *rest = part.encode().split(b"%")
    text = bytearray(first)
    for piece in rest:
        try:
            text.append(int(piece[:2], 16))
            text += piece[2:]
        except ValueError:
            text += b"%" + piece
    return text.decode("utf-8", "replace")
