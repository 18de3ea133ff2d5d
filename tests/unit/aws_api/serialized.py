"""Requests made by botocore's own serializers, with the least input.

They have only the members that the operation requires.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.serialize import create_serializer

from layer.aws_models import KNOWN, variable_name

loader = Loader()


@dataclass
class Made:
    service: str
    operation: str
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


def value(shape: Shape, depth: int = 0) -> Any:
    """The smallest value of a shape."""
    kind = shape.type_name
    if kind == "structure":
        if getattr(shape, "is_tagged_union", False) and shape.members:
            name, member = next(iter(shape.members.items()))
            return {name: value(member, depth + 1)} if depth < 4 else {}
        return {
            name: value(shape.members[name], depth + 1)
            for name in (shape.required_members if depth < 4 else ())
        }
    if kind == "list":
        return [value(shape.member, depth + 1)] if depth < 4 else []
    if kind == "map":
        return {"k": value(shape.value, depth + 1)} if depth < 4 else {}
    if kind == "string":
        return shape.enum[0] if getattr(shape, "enum", None) else "some-name"
    return {
        "integer": 1,
        "long": 1,
        "float": 1.0,
        "double": 1.0,
        "boolean": True,
        "blob": b"x",
        "timestamp": 1700000000,
        "bigdecimal": 1,
    }[kind]


def request(model: ServiceModel, operation: OperationModel, protocol: str) -> Made:
    shape = operation.input_shape
    serializer = create_serializer(protocol, include_validation=False)
    made = serializer.serialize_to_request(value(shape) if shape else {}, operation)
    query = made["query_string"]
    text = query if isinstance(query, str) else urlencode(query, quote_via=quote)
    path = made["url_path"]
    body = made["body"]
    if isinstance(body, dict):
        body = urlencode(body).encode()
    headers = {name.lower(): str(text) for name, text in made["headers"].items()}
    joiner = "&" if "?" in path else "?"
    return Made(
        variable_name(str(model.service_id)),
        operation.name,
        made["method"],
        path + (joiner + text if text else ""),
        headers,
        body if isinstance(body, bytes) else b"",
    )


def requests(services: list[str]) -> Iterator[Made]:
    """A request for each operation, in each protocol of the service."""
    for name in services:
        description = loader.load_service_model(name, "service-2")
        about = description["metadata"]
        model = ServiceModel(description, name)
        for protocol in about.get("protocols") or [about["protocol"]]:
            if protocol in KNOWN:
                for each in model.operation_names:
                    yield request(model, model.operation_model(each), protocol)
