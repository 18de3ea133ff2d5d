"""FAULTLAYER_METRICS=emf: add CloudWatch's embedded metric format to the log lines of injections.

- The log line and the metrics are one line.
- A dry run never counts as an injection: it has its own metric.
- This is imported only if the variable is set.

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
    """The members to add to log lines about injections of this function."""
    name = quote(function or "unknown")  # CloudWatch refuses an empty dimension

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
    """Add metrics to the log lines about injections from now on."""
    log.embed(emf(function))
