"""What the tests against AWS share beside fixtures: the account, zips, and what a command said."""

from __future__ import annotations

import functools
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from strict import Front

REGION = "eu-west-1"


class Said(NamedTuple):
    """What one call of the command did."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.err.splitlines()


Make = Callable[..., str]
Cli = Callable[..., Said]


def archive(files: Mapping[str, str]) -> bytes:
    """A zip, the same bytes for the same files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        for name, text in files.items():
            target.writestr(zipfile.ZipInfo(name), text)
    return out.getvalue()


CODE = archive({"app.py": "def handler(event, context):\n    return event\n"})


def layer_zip(architecture: str = "x86_64", content: str = "1", version: str = "0.1.0") -> bytes:
    """As much of a layer of ours as `publish` looks at."""
    manifest = {"architecture": architecture, "faultlayer": version}
    return archive(
        {
            "extensions/faultlayer": content,
            "faultlayer-wrapper": "#!/bin/sh\n",
            "faultlayer/manifest.json": json.dumps(manifest),
        }
    )


@dataclass
class Aws:
    """The account, for arranging and for looking at what became of it."""

    front: Front
    config: Path  # the AWS configuration file, empty at first
    credentials: Path

    @functools.lru_cache(maxsize=64)  # noqa: B019 - it lives as long as the session of tests
    def client(self, service: str, region: str = REGION) -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.front.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def __hash__(self) -> int:
        return id(self.front)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Aws) and self.front is other.front

    def layer(self, name: str = "other", content: str = "1") -> str:
        """A new version of someone's layer; its ARN."""
        made = self.client("lambda").publish_layer_version(
            LayerName=name, Content={"ZipFile": archive({"lib/it": content})}
        )
        return str(made["LayerVersionArn"])

    def ours(self, architecture: str = "x86_64", content: str = "1", region: str = REGION) -> str:
        """A new version of faultlayer's layer, as `publish` describes it; its ARN."""
        made = self.client("lambda", region).publish_layer_version(
            LayerName=f"faultlayer-{architecture}",
            Description=f"faultlayer 0.1.0 {architecture} sha256:{content}",
            Content={"ZipFile": layer_zip(architecture, content)},
            CompatibleArchitectures=[architecture],
        )
        return str(made["LayerVersionArn"])

    def configuration(self, name: str, region: str = REGION) -> dict[str, Any]:
        """The function as AWS tells it, without what an answer brings along of its own."""
        told = self.client("lambda", region).get_function_configuration(FunctionName=name)
        del told["ResponseMetadata"]
        return dict(told)

    def layers(self, name: str) -> list[str]:
        return [layer["Arn"] for layer in self.configuration(name).get("Layers", [])]

    def variables(self, name: str) -> dict[str, str]:
        return dict(self.configuration(name).get("Environment", {}).get("Variables", {}))

    def set_variables(self, name: str, **variables: str) -> None:
        """As someone else would: all of them replaced, whatever the revision."""
        self.client("lambda").update_function_configuration(
            FunctionName=name, Environment={"Variables": variables}
        )

    def publish(self, name: str, region: str = REGION) -> str:
        """Publishes the function as it is; its new version's number."""
        made = self.client("lambda", region).publish_version(FunctionName=name)
        return str(made["Version"])

    def alias(
        self, name: str, alias: str, version: str, region: str = REGION, **weights: float
    ) -> None:
        """Makes the alias, with these weights (v2=0.1: a tenth for version 2)."""
        more = {version[1:]: weight for version, weight in weights.items()}
        self.client("lambda", region).create_alias(
            FunctionName=name,
            Name=alias,
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": more},
        )
