"""FAULTLAYER_METRICS=emf: the line of an injection is in CloudWatch's embedded metric format too.

It promises one line for both, and that a dry run never counts as an injection: it has a metric of
its own. Nothing here is imported where the variable is unset.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

from time import time

from faultlayer import log
from faultlayer.jsontext import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_COUNTS = {"fault_injected": "injections", "fault_dry_run": "dry_runs"}
_DELAY = "delay_ms"


def emf(function: str) -> Callable[[str, Mapping[str, Any]], str]:
    """What is added to the lines about this function's injections; empty for all other lines."""
    name = quote(function or "unknown")  # a dimension must not be empty

    def members(happened: str, fields: Mapping[str, Any]) -> str:
        count = _COUNTS.get(happened)
        if count is None:
            return ""
        metrics = f'{{"Name":"{count}","Unit":"Count"}}'
        if count == "injections" and _DELAY in fields:
            metrics += f',{{"Name":"{_DELAY}","Unit":"Milliseconds"}}'
        return (
            f'"function":{name},"{count}":1,"_aws":{{"Timestamp":{time() * 1000:.0f},'
            '"CloudWatchMetrics":[{"Namespace":"faultlayer","Dimensions":[["function","fault"]],'
            f'"Metrics":[{metrics}]}}]}}'
        )

    return members


def begin(function: str) -> None:
    """From here on the lines about injections carry their metrics."""
    log.embed(emf(function))
