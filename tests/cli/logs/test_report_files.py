"""A report made by a program: sums as data, and the count of messages as they are read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from faultlayer_cli.errors import Mistake
from faultlayer_cli.logs.report import of_files, summed
from faultlayer_cli.logs.sources import LogMessage
from faultlayer_cli.progress import Count

LOG = (
    "START RequestId: {0} Version: $LATEST\n"
    '{{"source":"faultlayer","level":"info","event":"fault_injected","fault":"latency",'
    '"request_id":"{0}"}}\n'
    "END RequestId: {0}\n"
    "REPORT RequestId: {0}\tDuration: 12.5 ms\tBilled Duration: 13 ms\n"
).format("00000000-0000-0000-0000-000000000001")


class Counting:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def note(self, text: str) -> None:
        raise AssertionError(text)

    @contextlib.contextmanager
    def counting(self, doing: str, unit: str = "") -> Iterator[Count]:
        yield lambda done, total: self.counts.append(done)


def test_a_report_of_files_is_data(tmp_path: Path, capfd):
    path = tmp_path / "log.txt"
    path.write_text(LOG)
    progress = Counting()
    report = of_files([str(path), f"{tmp_path}/../{tmp_path.name}/log.txt"], progress)
    assert (report.logs, report.since, report.period) == ((str(path),), "", {})
    assert report.sums.total.invocations == report.sums.faults["latency"].injections == 1
    assert report.as_json()["total"]["median_ms"] == 12.5
    assert progress.counts == [1, 2, 3, 4]
    assert capfd.readouterr() == ("", "")


def test_a_message_of_cloudwatch_that_is_not_understood_is_named():
    with pytest.raises(Mistake, match=r"^/aws/lambda/orders s: fault_injected is not understood"):
        summed([LogMessage("/aws/lambda/orders s", "fault_injected?", "/aws/lambda/orders s")])
