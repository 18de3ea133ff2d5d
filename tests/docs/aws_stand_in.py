#!/usr/bin/env python3
"""`aws lambda …` as far as the start for the plain AWS command line needs it, with boto3.

It checks parameters by the service's model and reads --query as the real command does; the real one
is run by hand (prove.py).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import boto3
import jmespath


def parameter(name: str) -> str:
    return "".join(word.capitalize() for word in name.removeprefix("--").split("-"))


def main(service: str, operation: str, *rest: str) -> None:
    client = boto3.client(service)
    waiter = rest[0].replace("-", "_") if operation == "wait" else ""
    rest = rest[1:] if waiter else rest
    options = dict(zip(rest[::2], rest[1::2], strict=True))
    query, output = options.pop("--query", "@"), options.pop("--output", "json")
    given: dict[str, Any] = {}
    if source := options.pop("--cli-input-json", ""):
        given = json.loads(Path(source.removeprefix("file://")).read_text())
    for name, text in options.items():
        if name == "--zip-file":
            given["Content"] = {"ZipFile": Path(text.removeprefix("fileb://")).read_bytes()}
        elif name == "--compatible-architectures":
            given[parameter(name)] = [text]
        else:
            given[parameter(name)] = text
    if waiter:
        client.get_waiter(waiter).wait(**given)
        return
    answer = getattr(client, operation.replace("-", "_"))(**given)
    found = jmespath.search(query, answer)
    print(found if output == "text" else json.dumps(found))


main(*sys.argv[1:])
