"""All faults at once, over thousands of invocations: each is answered once, and nothing is left."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import pytest

import machine
from building import Unavailable
from faultlayer.faults import all_faults
from faultlayer_cli.errors import Failure
from faultlayer_cli.layers import checkout
from faultlayer_cli.running import downloads
from faultlayer_cli.running.emulator import _LOST
from faultlayer_cli.running.http_client import Response
from rie.everything import EVENT, RATE, STARTS, VALUES, Case, cases, check_answer, started
from rie.footprint import Footprint, taken
from rie.support import Function

ENVIRONMENTS = 8
EACH = int(
    os.environ.get("EACH", 270)
)  # invocations in each of them, which are renewed at each crash
CALM = 60  # more of them without a crash, before and after its footprint is taken again
GROWTH = 256  # KiB that allocators may differ by
BUDGET = 12 << 10  # KiB that the layer may have resident
SEED = "all"

# Together, since they judge the same run of all cases.
pytestmark = [pytest.mark.whole, pytest.mark.nightly, pytest.mark.xdist_group("everything")]


class Run:
    """A case under way: what was invoked, what came back, and what the environment was like."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.answers: dict[str, Response] = {}
        self.lost: dict[str, Response] = {}  # where the emulator mixes up two environments' news
        self.footprints: list[Footprint] = []
        self.log = ""
        self.lines: list[dict[str, object]] = []
        self.trouble: BaseException | None = None

    def run(self, layer: Path) -> None:
        try:
            with started(self.case, layer) as function:
                self._run(function)
        except BaseException as error:
            self.trouble = error

    def _run(self, function: Function) -> None:
        ids = self.case.ids()
        for request_id in islice(ids, EACH):
            self._invoke(function, request_id)
        calm = self._calm(function, ids)
        for number in (1, CALM, CALM):
            for request_id in islice(calm, number):
                self._invoke(function, request_id)
            self.footprints.append(settled(function))
        self._wait_for_the_log(function)
        self.log = function.log
        self.lines = function.lines()

    def _invoke(self, function: Function, request_id: str) -> None:
        payload, header = json.dumps(EVENT).encode(), {"X-Amzn-RequestId": request_id}
        answer = function.emulator._invoke(payload, header, 60.0)  # once: each answer is counted
        answers = self.lost if answer.status == 502 and _LOST in answer.body else self.answers
        answers[request_id] = answer

    def _calm(self, function: Function, ids: Iterator[str]) -> Iterator[str]:
        """Those that kill nobody, the first of them spared by all, in a warm environment."""
        spared = (request_id for request_id in ids if not self.case.drawn(request_id))
        for request_id in spared:
            self._invoke(function, request_id)
            if request_id in self.answers.keys() - self.failed_starts():
                break
        yield next(spared)
        yield from (one for one in ids if self.case.outcome(self.case.drawn(one)) != "crash")

    def _wait_for_the_log(self, function: Function) -> None:
        """The last invocation's answer may be here before what was printed about it."""
        last = list(self.answers)[-1]
        function.emulator.wait_for_log(f"REPORT RequestId: {last}")
        time.sleep(0.2)

    def failed_starts(self) -> set[str]:
        """The invocations that found an environment whose start failed."""
        hits = self.hits()
        return {
            request_id
            for request_id, answer in self.answers.items()
            if says_failed_start(answer) and "crash" not in hits[request_id]
        }

    def keeps_failed_start(self) -> bool:
        """Whether the emulator answers with it for each later crash too: its very first start."""
        return "(rapid) Init failed" in self.log

    def hits(self) -> dict[str, list[str]]:
        """The faults that the log tells of, by the request id."""
        found: dict[str, list[str]] = {request_id: [] for request_id in self.answers}
        for line in self.lines:
            request_id = str(line.get("request_id"))
            if line["event"] == "fault_injected" and request_id in found:
                found[request_id].append(str(line["fault"]))
        return found


def says_failed_start(answer: Response) -> bool:
    return bool(json.loads(answer.body).get("errorType") == "Runtime.InitError")


def settled(function: Function) -> Footprint:
    """The footprint once the last answer's connection threads and processes are done."""
    footprint = taken(function.emulator)
    for _ in range(50):
        time.sleep(0.1)
        before, footprint = footprint, taken(function.emulator)
        if before == footprint:
            break
    return footprint


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """All cases, run at once: each waits two seconds whenever the emulator renews it."""
    with ExitStack() as stack:
        folder = Path("/var/tmp") / f"faultlayer-everything-{os.getpid()}"
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            # A copy, since whoever changes the sources meanwhile has another one built.
            layer = shutil.copytree(
                checkout.layer(downloads.architecture()), folder / "layer", symlinks=True
            )
            found = [Run(case) for case in cases(SEED, ENVIRONMENTS)]
            threads = [threading.Thread(target=run.run, args=(layer,)) for run in found]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except (Failure, Unavailable) as error:
            machine.lacks(error)
    for run in found:
        if isinstance(run.trouble, Unavailable):
            machine.lacks(run.trouble)
        if run.trouble is not None:
            raise run.trouble
    return found


def test_all_sixteen_are_armed() -> None:
    assert set(VALUES) == {fault.name for fault in all_faults()}
    assert len(VALUES) == 16


def test_every_invocation_has_the_one_answer_that_the_seed_foretells(runs: list[Run]) -> None:
    assert sum(len(run.answers) for run in runs) > 3000
    assert sum(len(run.lost) for run in runs) < 10
    for run in runs:
        failed = run.failed_starts()
        for request_id, answer in run.answers.items():
            crashed = "crash" in run.case.expected(request_id)
            if request_id in failed or (
                crashed and run.keeps_failed_start() and says_failed_start(answer)
            ):
                assert "faultlayer failed the start" in answer.json()["errorMessage"]
            else:
                check_answer(run.case, request_id, answer)
        begun = Counter(re.findall(r"INVOKE START\(requestId: (\S+?)\)", run.log))
        assert begun - Counter(run.lost.keys()) == Counter(run.answers.keys())
        told = Counter(re.findall(r"REPORT RequestId: (\S+)", run.log))
        killed = {one for one in run.answers if "crash" in run.case.expected(one)}
        assert told - Counter(run.lost.keys()) == Counter(run.answers.keys() - killed - failed)


def test_each_fault_hits_whom_the_seed_says_once_and_as_often_as_the_rate(runs: list[Run]) -> None:
    drawn: Counter[str] = Counter()
    total = 0
    for run in runs:
        failed = run.failed_starts()
        for request_id, hits in run.hits().items():
            assert len(hits) == len(set(hits))
            expected = set() if request_id in failed else run.case.expected(request_id)
            assert set(hits) - {"timeout"} == expected, request_id
            assert "timeout" not in hits or "timeout" in run.case.drawn(request_id)
        for request_id in islice(run.case.ids(), EACH):
            drawn.update(run.case.drawn(request_id))
            total += 1
    spread = 5 * (total * RATE * (1 - RATE)) ** 0.5
    for name in VALUES.keys() - STARTS:
        assert abs(drawn[name] - total * RATE) < spread, name
    delayed = sum("timeout" in hits for run in runs for hits in run.hits().values())
    assert delayed > drawn["timeout"] / 2, "but for those that met a cold start"


def test_starts_are_hit_as_often_as_the_rate_says(runs: list[Run]) -> None:
    starts = sum(run.log.count("External agent faultlayer (") for run in runs)
    assert starts > 200
    spread = 5 * (starts * RATE * (1 - RATE)) ** 0.5
    hits = Counter(str(line["fault"]) for run in runs for line in run.lines if "phase" in line)
    assert set(hits) == STARTS
    for name in sorted(STARTS):
        assert abs(hits[name] - starts * RATE) < spread, name
    assert sum(len(run.failed_starts()) for run in runs) > 0
    tables = Counter(table for run in runs for table in re.findall(r"TABLE (\S+)", run.log))
    assert set(tables) == {"orders", "no-such-table"}


def test_every_line_of_the_layer_is_json_and_tells_of_no_trouble(runs: list[Run]) -> None:
    for run in runs:
        for line in run.log.splitlines():
            if '"source":"faultlayer"' in line:
                assert line.startswith("{"), "others may not break into it"
                json.loads(line)
        others = [line for line in run.lines if line["event"] != "fault_injected"]
        told = {(line["event"], line["fault"]) for line in others}
        assert told <= {("fault_not_applied", "timeout")}, "but for a start that took its time"
        assert "Traceback" not in run.log


def test_tmp_memory_processes_and_connections_are_back_where_they_were(runs: list[Run]) -> None:
    for run in runs:
        first, middle, last = run.footprints
        for later in (middle, last):
            assert later.processes == first.processes <= 3, "emulator, layer, runtime"
            assert later.descriptors == first.descriptors
            assert later.sockets == first.sockets
            assert later.threads == first.threads
            assert later.unnamed == 0
            assert later.files == first.files
            assert later.free == first.free
        assert last.resident - middle.resident < GROWTH
        assert last.resident < BUDGET
