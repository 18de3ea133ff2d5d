"""`faultlayer report` from CloudWatch, over HTTP: groups, functions, periods, pages, refusals."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from aws_support import REGION, Aws, Cli, Make

from faultlayer_cli.logs.sources import LogGroup

FILTER = "logs:FilterLogEvents"
GROUP = "/aws/lambda/orders"
STREAM = "2027/01/31/[$LATEST]0123456789abcdef0123456789abcdef"


def invocation(number: int, *said: str, duration: float = 2.0) -> list[str]:
    request = f"00000000-0000-0000-0000-{number:012}"
    return [
        f"START RequestId: {request} Version: $LATEST",
        *(one.replace("ID", request) for one in said),
        f"END RequestId: {request}",
        f"REPORT RequestId: {request}\tDuration: {duration} ms\tBilled Duration: 3 ms",
    ]


HIT = json.dumps(
    {
        "source": "faultlayer",
        "level": "info",
        "event": "fault_injected",
        "fault": "latency",
        "request_id": "ID",
    }
)


class Logs:
    """Log groups and what is put into them, all of it so many seconds ago."""

    def __init__(self, aws: Aws) -> None:
        self._client = aws.client("logs")
        self._known: set[tuple[str, str]] = set()

    def group(self, name: str = GROUP) -> str:
        self._client.create_log_group(logGroupName=name)
        told = self._client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return str(told[0]["arn"])

    def put(
        self, lines: Sequence[str], ago: float = 60, group: str = GROUP, stream: str = STREAM
    ) -> None:
        if (group, stream) not in self._known:
            self._known.add((group, stream))
            self._client.create_log_stream(logGroupName=group, logStreamName=stream)
        at = round((time.time() - ago) * 1000)
        for first in range(0, len(lines), 10_000):
            self._client.put_log_events(
                logGroupName=group,
                logStreamName=stream,
                logEvents=[
                    {"timestamp": at, "message": line} for line in lines[first : first + 10_000]
                ],
            )


@pytest.fixture
def logs(aws: Aws) -> Logs:
    return Logs(aws)


def summed(cli: Cli, *arguments: object) -> dict[str, Any]:
    said = cli("report", *arguments, "--json")
    assert (said.code, said.err) == (0, "")
    found: dict[str, Any] = json.loads(said.out)
    return found


def test_a_log_group(aws: Aws, logs: Logs, cli: Cli):
    logs.group()
    for number in range(10):
        said = [HIT] if number < 3 else []
        logs.put(invocation(number, *said, duration=302.5 if said else 2.0))
    found = summed(cli, "--log-group", GROUP)
    assert found["logs"] == [GROUP]
    assert found["since"] < found["until"]
    (fault,) = found["faults"]
    assert (fault["injections"], fault["share"], fault["median_ms"]) == (3, 0.3, 302.5)
    assert (found["not_hit"]["invocations"], found["not_hit"]["median_ms"]) == (7, 2.0)
    said = cli("report", "--log-group", GROUP)
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines()] == [
        "fault",
        "latency",
        "(not",
        "total",
        "from",
    ]
    assert said.out.endswith(f"\nfrom {GROUP} in eu-west-1 (account 123456789012)\n")


def test_only_the_period_is_read(logs: Logs, cli: Cli):
    logs.group()
    for number, ago in enumerate((30, 1000, 4000, 100_000)):
        logs.put(invocation(number), ago=ago)

    def count(*period: str) -> int:
        return int(summed(cli, "--log-group", GROUP, *period)["total"]["invocations"])

    assert count() == 2
    assert count("--since", "10m") == 1
    assert count("--since", "2d") == 4
    assert count("--since", "2d", "--until", "30m") == 2
    past = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5000))
    assert count("--since", past, "--until", "10m") == 2


def test_all_pages_of_a_long_log(aws: Aws, logs: Logs, cli: Cli):
    logs.group()
    lines = [line for number in range(4000) for line in invocation(number)]
    logs.put(lines)
    with aws.front.recorded() as calls:
        found = summed(cli, "--log-group", GROUP)
    assert found["total"]["invocations"] == 4000
    assert [call.action for call in calls].count(FILTER) == 2


def test_several_groups_and_streams_are_one_report(logs: Logs, cli: Cli):
    for name in ("/aws/lambda/one", "/aws/lambda/two"):
        logs.group(name)
    logs.put(invocation(1, HIT), group="/aws/lambda/one")
    logs.put(invocation(2), group="/aws/lambda/one", stream=STREAM + "2")
    logs.put(invocation(3), group="/aws/lambda/two")
    arguments = ("--log-group", "/aws/lambda/one", "--log-group", "/aws/lambda/two")
    found = summed(cli, *arguments, "--log-group", "/aws/lambda/one")
    assert found["total"]["invocations"] == 3
    assert found["logs"] == ["/aws/lambda/one", "/aws/lambda/two"]


def test_a_group_by_its_arn(logs: Logs, cli: Cli, aws: Aws):
    arn = logs.group()
    assert arn.endswith(":*")
    sent: list[dict[str, Any]] = []

    class Account:
        def pages(self, service: str, operation: str, **arguments: Any) -> Iterator[Any]:
            sent.append(arguments)
            yield {"events": []}

    assert list(LogGroup(arn).messages(Account(), 1, 2)) == []  # type: ignore[arg-type]
    assert sent[0]["logGroupIdentifier"] == arn.removesuffix(":*")
    assert "logGroupName" not in sent[0]
    assert sent[0]["filterPattern"].startswith('?"faultlayer" ')


def test_pages_without_messages_are_no_end():
    class Account:
        def pages(self, service: str, operation: str, **arguments: Any) -> Iterator[Any]:
            yield {"events": [], "nextToken": "1"}
            yield {"events": [{"logStreamName": "s", "message": "m"}], "nextToken": "2"}
            yield {"nextToken": "3"}
            yield {"events": [{"message": "n"}]}

    found = list(LogGroup(GROUP).messages(Account(), 1, 2))  # type: ignore[arg-type]
    assert [one[:2] for one in found] == [(f"{GROUP} s", "m"), (f"{GROUP} ", "n")]


# -- by the function's name -------------------------------------------------------------------


def test_a_function(logs: Logs, cli: Cli, make: Make):
    arn = make("orders")
    logs.group()
    logs.put(invocation(1, HIT))
    for name in ("orders", arn):
        found = summed(cli, "--function", name)
        assert found["logs"] == [GROUP]
        assert found["total"]["injections"] == 1


def test_functions_are_selected_as_elsewhere(logs: Logs, cli: Cli, make: Make, aws: Aws):
    make("orders", tags={"team": "shop"})
    make("orders-more")
    make("users", tags={"team": "shop"})
    for name in ("orders", "orders-more", "users"):
        logs.group(f"/aws/lambda/{name}")
        logs.put(invocation(1, HIT), group=f"/aws/lambda/{name}")
    for selected, names in (
        (["--function", "orders*"], ["orders", "orders-more"]),
        (["--function", "users", "--function", "*-more"], ["users", "orders-more"]),
        (["--tag", "team=shop"], ["orders", "users"]),
        (["--tag", "team=shop", "--log-group", "/aws/lambda/users"], ["users", "orders"]),
    ):
        found = summed(cli, *selected)
        assert found["logs"] == [f"/aws/lambda/{name}" for name in names], selected
    for selected, line in (
        (["--function", "none-*"], "no function's name matches none-*"),
        (["--stack", "none"], "stack none does not exist"),
        (["--tag", "team=shop", "--function", "users"], "functions are selected in two ways"),
    ):
        said = cli("report", *selected)
        assert (said.code, [line in told for told in said.lines]) == (2, [True])


def test_a_function_in_a_group_that_it_shares(logs: Logs, cli: Cli, make: Make, aws: Aws):
    make("orders")
    logs.group("/shop")
    config: Any = {"LogFormat": "JSON", "LogGroup": "/shop"}
    aws.front.known("orders").told["LoggingConfig"] = config  # which moto forgets
    logs.put(invocation(1, HIT), group="/shop", stream="2027/01/31/orders[$LATEST][0123]")
    logs.put(invocation(2), group="/shop", stream="2027/01/31/orders-more[$LATEST][0123]")
    found = summed(cli, "--function", "orders")
    assert (found["logs"], found["total"]["invocations"]) == (["/shop"], 1)


@pytest.mark.parametrize(
    ("stream", "ours"),
    [
        ("2027/01/31/orders[$LATEST][0123]", True),
        ("2027/01/31/orders[7][0123]", True),
        ("2027/01/31/orders-more[$LATEST][0123]", False),
        ("2027/01/31/[$LATEST]0123", True),
        ("anything", True),
        ("", True),
    ],
)
def test_whose_stream_it_is(stream: str, ours: bool):
    class Account:
        def pages(self, service: str, operation: str, **arguments: Any) -> Iterator[Any]:
            yield {"events": [{"logStreamName": stream, "message": "m"}]}

    group = LogGroup("/shop", "orders", certain=False)
    assert bool(list(group.messages(Account(), 1, 2))) == ours  # type: ignore[arg-type]
    assert list(LogGroup("/shop").messages(Account(), 1, 2))  # type: ignore[arg-type]


def test_a_function_that_never_ran_has_no_log_yet(cli: Cli, make: Make):
    make("orders")
    said = cli("report", "--function", "orders")
    assert (said.code, said.out) == (0, "")
    (line,) = said.lines
    assert line.startswith(f"faultlayer: no invocation and no line of faultlayer's in {GROUP} betw")


# -- what goes wrong --------------------------------------------------------------------------


def test_an_empty_group(logs: Logs, cli: Cli):
    logs.group()
    logs.put(["hello"])
    said = cli("report", "--log-group", GROUP)
    assert (said.code, said.out, len(said.lines)) == (0, "", 1)


def test_an_unknown_group_is_a_mistake(aws: Aws, cli: Cli):
    said = cli("report", "--log-group", "/aws/lambda/nowhere")
    assert (said.code, said.out) == (2, "")
    assert said.lines == [
        f"faultlayer: log group /aws/lambda/nowhere does not exist in {REGION}",
    ]


def test_an_unknown_function_is_a_mistake(aws: Aws, cli: Cli):
    said = cli("report", "--function", "nowhere")
    assert (said.code, said.out) == (2, "")
    assert said.lines == [f"faultlayer: function nowhere does not exist in {REGION}"]


def test_no_permission(aws: Aws, logs: Logs, cli: Cli):
    logs.group()
    aws.front.deny(FILTER)
    said = cli("report", "--log-group", GROUP)
    assert (said.code, said.out) == (1, "")
    (line,) = said.lines
    assert line.startswith(f"faultlayer: FilterLogEvents log group {GROUP}: AWS answers AccessDeni")
    assert FILTER in line


@pytest.mark.parametrize(("times", "code"), [(3, 0), (100, 1)])
def test_throttled(aws: Aws, logs: Logs, cli: Cli, times: int, code: int):
    logs.group()
    logs.put(invocation(1))
    aws.front.throttle(FILTER, times)
    said = cli("report", "--log-group", GROUP)
    assert said.code == code, said
    if code:
        assert "ThrottlingException" in said.err


def test_no_region(cli: Cli, aws: Aws, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_REGION")
    said = cli("report", "--log-group", GROUP)
    assert said.code == 2
    assert "no region is set" in said.err
