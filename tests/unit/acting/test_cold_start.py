"""The start of an environment, as far as it needs no runtime: what is told to whom, and counted."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from fakes.proxied import report_of_the_wrapper
from faultlayer import main
from faultlayer.acting.cold_start import Start
from faultlayer.settings import plan
from faultlayer.settings.configuration import Configuration
from faultlayer.settings.live import Live
from faultlayer.settings.sources.ssm import Ssm
from faultlayer.settings.variables import read_environment
from faultlayer.startup import wrapper_file

TABLE = {"FAULTLAYER_ENV": '{"TABLE":"wrong","TOKEN":null}'}


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "address"
    monkeypatch.setattr(wrapper_file, "PATH", bytes(path))
    return path


def opened(**variables: str) -> tuple[Configuration, bool]:
    """The configuration, and whether there is a proxy."""
    settings = read_environment({f"FAULTLAYER_{name}": text for name, text in variables.items()})
    assert not settings.problems
    opened = main._open(settings)
    opened.release()
    if opened.listener is not None:
        opened.listener.close()
    return settings, opened.listener is not None


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_variables_alone_need_no_proxy(published: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _, proxied = opened(ENV=TABLE["FAULTLAYER_ENV"])
    assert not proxied
    first, _, rest = published.read_text().partition("\n")
    assert first.startswith(f"- {os.getpid()} ")
    assert rest == "TABLE 1\nwrong\nTOKEN 0\n"
    assert lines(capfd) == [], "nobody has changed anything yet"


def made(**more: str) -> Start:
    """A start with variables, which are published."""
    chooser = read_environment(TABLE | more).chooser
    assert chooser is not None
    start = Start(chooser)
    start.publish(None)
    return start


def test_variables_are_logged_once_the_wrapper_has_changed_them(
    published: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    start = made()
    start.confirm()
    assert lines(capfd) == []
    for _ in range(2):  # the runtime may be started twice
        report_of_the_wrapper(published)
        start.confirm()
    start.withdraw()
    (line,) = lines(capfd)
    assert (line["event"], line["fault"], line["phase"]) == ("fault_injected", "env", "init")
    assert (line["set"], line["unset"]) == (["TABLE"], ["TOKEN"])


def test_a_report_that_is_read_last_counts_all_the_same(
    published: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    start = made()
    report_of_the_wrapper(published)
    start.withdraw()
    (line,) = lines(capfd)
    assert line["event"] == "fault_injected"


def test_variables_that_nobody_has_changed_are_not_injected(
    published: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    start = made(FAULTLAYER_ENV_MAX="1")
    start.withdraw()
    (line,) = lines(capfd)
    assert (line["event"], line["fault"]) == ("fault_not_applied", "env")
    assert "wrapper" in line["message"]


@pytest.mark.parametrize("other", ["LATENCY", "INIT"])
def test_with_another_fault_there_is_one(published: Path, other: str) -> None:
    _, proxied = opened(ENV=TABLE["FAULTLAYER_ENV"], **{other: "1s"})
    assert proxied
    first, _, rest = published.read_text().partition("\n")
    assert first.startswith("127.0.0.1:")
    assert rest == "TABLE 1\nwrong\nTOKEN 0\n"


def test_what_is_not_drawn_leaves_the_runtime_untouched(published: Path) -> None:
    for variables in ({"INIT": "error"}, {"ENV": TABLE["FAULTLAYER_ENV"]}):
        (name,) = variables
        _, proxied = opened(**variables, **{f"{name}_RATE": "0.000000001"})
        assert not proxied
        assert not published.exists()


def test_a_dry_run_changes_nothing(published: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _, proxied = opened(ENV=TABLE["FAULTLAYER_ENV"], INIT="error", DRY_RUN="true")
    assert not proxied
    assert not published.exists()
    told = [(line["event"], line["fault"]) for line in lines(capfd)]
    assert told == [("fault_dry_run", "env"), ("fault_dry_run", "init")]


def test_several_rules_add_up_the_last_one_wins(published: Path) -> None:
    first = {"fault": "env", "variables": {"A": "1", "B": "1"}}
    second = {"fault": "env", "variables": {"B": None, "C": ""}}
    opened(PLAN=json.dumps({"faults": [first, second]}))
    assert published.read_text().partition("\n")[2] == "A 1\n1\nB 0\nC 1\n\n"


def test_what_could_not_be_published_does_not_count(
    published: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(wrapper_file, "publish", full)
    chooser = read_environment({**TABLE, "FAULTLAYER_ENV_MAX": "1"}).chooser
    assert chooser is not None
    start = Start(chooser)
    with pytest.raises(OSError, match="28"):
        start.publish(None)
    assert not lines(capfd)
    assert chooser.starts[0].claim()


def test_past_its_limit_it_is_not_applied(published: Path, tmp_path: Path) -> None:
    variables = {**TABLE, "FAULTLAYER_ENV_MAX": "1"}
    for times in range(3):
        settings = read_environment(variables, limit_file=bytes(tmp_path / "counts"))
        assert main._open(settings).listener is None
        assert published.exists() == (times == 0)
        wrapper_file.withdraw()


def test_a_plan_that_comes_too_late_for_the_start_says_so_once(
    published: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = read_environment({"FAULTLAYER_PLAN": "ssm:/plan", "AWS_SESSION_TOKEN": "token"})
    assert isinstance(settings.source, Ssm)
    live = Live(settings, settings.source)
    for delay in ("1s", "2s"):
        rules = [{"fault": "init", "how": "error"}, {"fault": "latency", "delay": delay}]
        assert live._take(json.dumps({"faults": rules})) is None
    (line,) = lines(capfd)
    assert (line["level"], line["event"], line["fault"]) == ("warn", "fault_not_applied", "init")
    assert "allowed: variables" in line["message"]
    assert live._chooser is not None
    assert len(live._chooser.rules) == 1, "the others are in force"


def test_a_plan_in_a_file_is_in_time(published: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text('{"faults":[{"fault":"env","variables":{"A":"b"}}]}')
    _, proxied = opened(PLAN=f"file:{path}")
    assert proxied, "the plan may change"
    assert published.read_text().partition("\n")[2] == "A 1\nb\n"


def test_the_plan_of_both_kinds_is_read(published: Path) -> None:
    read = plan.read('{"faults":[{"fault":"init","how":"2s","rate":0.5,"max":1}]}')
    assert not read.problems


@pytest.mark.parametrize("dry", ["false", "true"])
def test_the_line_of_a_start_carries_metrics_too(
    published: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], dry: str
) -> None:
    monkeypatch.setattr("faultlayer.log._metrics", None)
    given = {**TABLE, "FAULTLAYER_METRICS": "emf", "FAULTLAYER_DRY_RUN": dry}
    environ = {**given, "AWS_LAMBDA_FUNCTION_NAME": "orders"}
    start = main._prepare(main._configure(environ), environ, None).start
    assert start is not None
    if dry == "false":
        report_of_the_wrapper(published)
        start.confirm()
    (line,) = lines(capfd)
    assert line["function"] == "orders"
    assert line["dry_runs" if dry == "true" else "injections"] == 1
    assert "_aws" in line
