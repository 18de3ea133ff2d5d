"""Make the service models of `faultlayer.aws_api` from botocore's.

    botocore/data/<service>/<version>/service-2.json        ─┐
    botocore/data/<service>/<version>/endpoint-rule-set-1   ─┴─▶ aws_api/services/<name>.json

A model says how to tell an operation from a request, which errors the service declares, and which
host it has in each region. The file's name is the one in the service's endpoint variable
(`AWS_ENDPOINT_URL_SECRETS_MANAGER`: `secrets_manager`).

    python -m layer.aws_models FOLDER
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import BotoCoreError
from botocore.loaders import Loader

KNOWN = ("json", "query", "ec2", "rest-json", "rest-xml", "smithy-rpc-v2-cbor")
# Values that a rule set asks for where neither region nor settings lead to them.
_NO_SETTINGS = {"UseFIPS": False, "UseDualStack": False}


def variable_name(service_id: str) -> str:
    """The service's name in its endpoint variable, in small letters."""
    return re.sub(r"[ -]", "_", service_id).lower()


def all_models(loader: Loader | None = None) -> dict[str, dict[str, Any]]:
    """All services of botocore, by the name in their endpoint variable."""
    loader = loader or Loader()
    hosts = Hosts(loader)
    found = {}
    for name in loader.list_available_services("service-2"):
        model = compact(loader.load_service_model(name, "service-2"))
        if model is not None:
            model.update(hosts.of(name))
            found[variable_name(model["id"])] = model
    return dict(sorted(found.items()))


def compact(model: dict[str, Any]) -> dict[str, Any] | None:
    """The parts that faultlayer needs; None for an unknown protocol."""
    about = model["metadata"]
    protocols = [name for name in about.get("protocols") or [about["protocol"]] if name in KNOWN]
    if not protocols:
        return None
    rest = any(name.startswith("rest-") for name in protocols)
    operations = {
        name: _route(operation, model["shapes"]) if rest else _streams(operation, model["shapes"])
        for name, operation in sorted(model["operations"].items())
    }
    kept = {
        "id": about["serviceId"],
        "full": about.get("serviceAbbreviation") or about["serviceFullName"],
        "version": about["apiVersion"],
        "prefix": about["endpointPrefix"],
        "protocols": protocols,
        "target": about.get("targetPrefix", ""),
        "json": about.get("jsonVersion", ""),
        "xml": about.get("xmlNamespace", ""),
        "from_query": "awsQueryCompatible" in about,
        "operations": _without_old(operations, model["operations"], rest=rest),
        "errors": errors(model),
    }
    return {name: value for name, value in kept.items() if value not in ("", False)}


def _without_old(
    operations: dict[str, str], described: dict[str, dict[str, Any]], *, rest: bool
) -> dict[str, str]:
    """Leave deprecated operations out if a newer operation has their route.

    For example PutBucketLifecycle.
    """
    if not rest:
        return operations
    present = {route for name, route in operations.items() if not described[name].get("deprecated")}
    return {
        name: route
        for name, route in operations.items()
        if not described[name].get("deprecated") or route not in present
    }


def errors(model: dict[str, Any]) -> dict[str, list[Any]]:
    """The status of each declared error by its wire code.

    With its name in the model, if that differs from the code. Status 0: the model has none.
    """
    found: dict[str, list[Any]] = {}
    shapes = model["shapes"]
    declared = {one["shape"] for op in model["operations"].values() for one in op.get("errors", ())}
    for name in sorted(declared):
        shape = shapes[name]
        error = shape.get("error", {})
        code = error.get("code", name)
        status = error.get("httpStatusCode", 500 if shape.get("fault") else 0)
        found[code] = [status] if code == name else [status, name]
    return found


def _streams(operation: dict[str, Any], shapes: dict[str, Any]) -> str:
    """`events` for an event stream in either direction, else empty."""
    for side in ("input", "output"):
        shape = shapes.get(operation.get(side, {}).get("shape", ""), {})
        for member in shape.get("members", {}).values():
            if shapes[member["shape"]].get("eventstream"):
                return "events"
    return ""


def _route(operation: dict[str, Any], shapes: dict[str, Any]) -> str:
    """`METHOD uri`, then the headers and query members that requests must have.

    `?name` is a member of the query, `:name` a header, `*` an event stream.
    """
    http = operation["http"]
    shape = shapes.get(operation.get("input", {}).get("shape", ""), {})
    needed = []
    for name in shape.get("required", ()):
        member = shape["members"][name]
        place = {"querystring": "?", "header": ":"}.get(member.get("location", ""))
        if place:
            needed.append(place + member["locationName"])
    if _streams(operation, shapes):
        needed.append("*")
    return " ".join([http["method"], http["requestUri"], *sorted(needed)])


class Hosts:
    """The hosts of services by region, from botocore's endpoint rules."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._partitions = loader.load_data("partitions")

    def of(self, service: str) -> dict[str, Any]:
        """`host`: a pattern with {region} and {suffix}; `hosts`: regions with other patterns."""
        try:
            rules = self._loader.load_service_model(service, "endpoint-rule-set-1")
        except BotoCoreError:
            return {}
        provider = EndpointProvider(rules, self._partitions)
        patterns: dict[str, str] = {}
        for partition in self._partitions["partitions"]:
            suffix = partition["outputs"]["dnsSuffix"]
            for region in partition["regions"]:
                if re.match(partition["regionRegex"], region):
                    host = self._host(provider, region)
                    if host:
                        patterns[region] = _pattern(host, region, suffix)
        if not patterns:
            return {}
        usual = Counter(patterns.values()).most_common(1)[0][0]
        others = {region: host for region, host in patterns.items() if host != usual}
        return {"host": usual, **({"hosts": others} if others else {})}

    def _host(self, provider: EndpointProvider, region: str) -> str | None:
        try:
            url: str = provider.resolve_endpoint(Region=region, **_NO_SETTINGS).url
        except BotoCoreError:  # it needs an account or a bucket
            return None
        scheme, _, host = url.partition("://")
        return host.rstrip("/") if scheme == "https" and "/" not in host else None


def _pattern(host: str, region: str, suffix: str) -> str:
    without = host.removesuffix("." + suffix)
    host = without + ".{suffix}" if without != host else host
    return host.replace(region, "{region}")


def text(model: dict[str, Any]) -> str:
    """The text of a model file: one member a line, for differences."""
    return json.dumps(model, separators=(",", ":"), ensure_ascii=False) + "\n"


def write(folder: Path) -> int:
    """Write all models; return their number."""
    folder.mkdir(parents=True, exist_ok=True)
    models = all_models()
    for name, model in models.items():
        (folder / f"{name}.json").write_text(text(model), encoding="utf-8")
    for stale in set(folder.glob("*.json")) - {folder / f"{name}.json" for name in models}:
        stale.unlink()
    return len(models)


if __name__ == "__main__":
    print(f"{write(Path(sys.argv[1]))} services")
