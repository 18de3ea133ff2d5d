"""What is understood of a log, format by format, and what is left alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer_cli.logs.lines import PATTERN, TERMS, Fact, FactKind, Trouble, read

ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
TIME = "2027-01-31T17:00:00.123Z"
INJECTED = (
    '{"source":"faultlayer","level":"info","event":"fault_injected","fault":"latency",'
    f'"request_id":"{ID}","delay_ms":300,"when":"before"}}'
)
DRY_RUN = INJECTED.replace("fault_injected", "fault_dry_run")
FAILED = INJECTED.replace('"delay_ms":300', '"function_error":true')
EMF = INJECTED[:-1] + ',"function":"f","injections":1,"_aws":{"CloudWatchMetrics":[{}]}}'
WRONG = (
    '{"source":"faultlayer","level":"error","event":"config_error",'
    '"variable":"FAULTLAYER_STATUS","message":"is outside 100 to 599"}'
)
REPORT = (
    f"REPORT RequestId: {ID}\tDuration: 2599.40 ms\tBilled Duration: 2600 ms\t"
    "Memory Size: 128 MB\tMax Memory Used: 94 MB\tInit Duration: 549.04 ms\t"
)
REPORTED = Fact(FactKind.REPORT, ID, 2599.4)
HIT = Fact(FactKind.INJECTED, ID, fault="latency")


def platform(kind: str, **record: object) -> str:
    return json.dumps({"time": TIME, "type": kind, "record": {"requestId": ID, **record}})


METRICS = {"durationMs": 2599.4, "billedDurationMs": 2600, "initDurationMs": 549.04}
TEXT = {
    "start": (f"START RequestId: {ID} Version: $LATEST", Fact(FactKind.START, ID)),
    "report": (REPORT, REPORTED),
    "report with the init first, as the emulator has it": (
        f"REPORT RequestId: {ID}\tInit Duration: 0.04 ms\tDuration: 2599.40 ms\tBilled Duration: 1",
        REPORTED,
    ),
    "report of a restore": (
        f"REPORT RequestId: {ID}\tDuration: 2599.40 ms\tBilled Duration: 2600 ms\t"
        "Restore Duration: 478.02 ms\tBilled Restore Duration: 5 ms\t",
        REPORTED,
    ),
    "report copied without tabs": (REPORT.replace("\t", "  "), REPORTED),
    "report of a timeout": (REPORT + "Status: timeout", Fact(FactKind.REPORT, ID, 2599.4, True)),
    "report of a crash": (
        REPORT + "Status: error\tError Type: Runtime.ExitError",
        Fact(FactKind.REPORT, ID, 2599.4, True),
    ),
    "timeout": (f"{TIME} {ID} Task timed out after 3.00 seconds\n", Fact(FactKind.ERROR, ID)),
    "Python": (
        "[ERROR] KeyError: 'order'\nTraceback (most recent call last):\n  File \"/var/task/a.py\"",
        Fact(FactKind.ERROR),
    ),
    "Python, a type of one's own": ("[ERROR] app.orders.NotFound\nTraceback", Fact(FactKind.ERROR)),
    "Node.js": (
        f'{TIME}\t{ID}\tERROR\tInvoke Error \t{{"errorType":"Error","errorMessage":"no"}}',
        Fact(FactKind.ERROR, ID),
    ),
    "Node.js, uncaught": (
        f"{TIME}\t{ID}\tERROR\tUncaught Exception \t{{}}",
        Fact(FactKind.ERROR, ID),
    ),
    "Node.js, a promise": (
        f"{TIME}\t{ID}\tERROR\tUnhandled Promise Rejection \t{{}}",
        Fact(FactKind.ERROR, ID),
    ),
    "exit": (
        f"RequestId: {ID} Error: Runtime exited with error: exit status 1\nRuntime.ExitError",
        Fact(FactKind.ERROR, ID),
    ),
    "injection": (INJECTED, HIT),
    "injection with metrics": (EMF, HIT),
    "injection of a function error": (
        FAILED,
        Fact(FactKind.INJECTED, ID, failed=True, fault="latency"),
    ),
    "dry run": (DRY_RUN, Fact(FactKind.DRY_RUN, ID, fault="latency")),
    "dry run of a function error": (
        FAILED.replace("fault_injected", "fault_dry_run"),
        Fact(FactKind.DRY_RUN, ID, fault="latency"),
    ),
    "trouble": (
        WRONG,
        Fact(
            FactKind.TROUBLE,
            trouble=Trouble("config_error", "FAULTLAYER_STATUS", "is outside 100 to 599"),
        ),
    ),
    "a fault that did not apply": (
        '{"source":"faultlayer","level":"warn","event":"fault_not_applied","fault":"latency",'
        f'"request_id":"{ID}","message":"is not JSON"}}',
        Fact(FactKind.TROUBLE, trouble=Trouble("fault_not_applied", "latency", "is not JSON")),
    ),
}
IN_JSON = {
    "start": (platform("platform.start", version="$LATEST"), Fact(FactKind.START, ID)),
    "report": (platform("platform.report", metrics=METRICS, status="success"), REPORTED),
    "report without a status": (platform("platform.report", metrics=METRICS), REPORTED),
    "report of an error": (
        platform("platform.report", metrics=METRICS, status="error", errorType="KeyError"),
        Fact(FactKind.REPORT, ID, 2599.4, True),
    ),
    "report of a timeout": (
        platform("platform.report", metrics=METRICS, status="timeout"),
        Fact(FactKind.REPORT, ID, 2599.4, True),
    ),
    "report of a failure": (
        platform("platform.report", metrics=METRICS, status="failure"),
        Fact(FactKind.REPORT, ID, 2599.4, True),
    ),
    "runtime done, wrong": (
        platform("platform.runtimeDone", status="error"),
        Fact(FactKind.ERROR, ID),
    ),
    "timeout": (
        json.dumps(
            {"timestamp": TIME, "message": f"{TIME} {ID} Task timed out after 3.00 seconds"}
        ),
        Fact(FactKind.ERROR, ID),
    ),
    "injection, wrapped": (
        json.dumps({"timestamp": TIME, "level": "INFO", "message": INJECTED}),
        HIT,
    ),
    "injection, with members added": (
        json.dumps({"timestamp": TIME, **json.loads(INJECTED)}, indent=None),
        HIT,
    ),
    "injection, as telemetry": (
        json.dumps({"time": TIME, "type": "extension", "record": json.loads(INJECTED)}),
        HIT,
    ),
    "injection, as telemetry in text": (
        json.dumps({"time": TIME, "type": "extension", "record": INJECTED + "\n"}),
        HIT,
    ),
}
UNDERSTOOD = [*TEXT.values(), *IN_JSON.values()]
NOTHING = [
    "",
    "hello",
    f"END RequestId: {ID}",
    "INIT_START Runtime Version: python:3.12.v30\tRuntime Version ARN: arn:aws:lambda:eu-west-1::r",
    "INIT_REPORT Init Duration: 3009.81 ms\tPhase: init\tStatus: timeout",
    f"[ERROR]\t{TIME}\t{ID}\tsomething that a logger says",
    f"[ERROR] {TIME} something that a program says",
    "22 Nov 2026 12:11:05,178 [ERROR] (rapid) Something else",
    f"{TIME}\t{ID}\tERROR\tsomething that console.error says",
    f"{TIME}\t{ID}\tINFO\tInvoke Error is what we look for",
    platform("platform.runtimeDone", status="success"),
    platform("platform.initReport", status="error"),
    json.dumps({"type": "platform.report", "record": {"metrics": METRICS}}),
    json.dumps({"type": "platform.report", "record": "text"}),
    json.dumps({"type": "platform.report", "record": {"requestId": 7}}),
    json.dumps({"timestamp": TIME, "level": "ERROR", "message": "[ERROR] KeyError: 'order'"}),
    json.dumps({"level": "INFO", "message": "faultlayer: [ERROR] KeyError: 'order'"}),
    json.dumps({"source": "mine", "about": "faultlayer", "message": 7}),
    '{"source":"faultlayer","level":"info","event":"plan_loaded","rules":2}',
    '{"source":"faultlayer","event":7}',
    '{"source":"faultlayer","level":"info","event":"fault_inj',
    "{" * 100_000 + "faultlayer",
    "START RequestId: ",
    "REPORT RequestId: ?",
]


@pytest.mark.parametrize("name", TEXT)
def test_the_text_format(name: str) -> None:
    message, seen = TEXT[name]
    assert list(read(message)) == [seen]


@pytest.mark.parametrize("name", IN_JSON)
def test_the_json_format(name: str) -> None:
    message, seen = IN_JSON[name]
    assert list(read(message)) == [seen]


@pytest.mark.parametrize("message", NOTHING, ids=lambda text: text[:60])
def test_anything_else_is_nothing(message: str) -> None:
    assert list(read(message)) == []


@pytest.mark.parametrize(
    "prefix",
    [
        "2027-01-31T17:00:00.123000+00:00 2027/01/31/[$LATEST]0123456789abcdef0123456789abcdef ",
        "orders-1  | ",
        "\x1b[36m2027/01/31/[$LATEST]0123\x1b[0m 2027-01-31T17:00:00.123000 ",
    ],
)
@pytest.mark.parametrize("message,seen", UNDERSTOOD, ids=[*TEXT, *(f"json: {k}" for k in IN_JSON)])
def test_whatever_stands_before_a_line(prefix: str, message: str, seen: Fact) -> None:
    assert list(read(prefix + message)) == [seen]


def test_the_emulator_says_which_invocation_timed_out() -> None:
    line = f"22 Nov 2026 12:11:05,178 [ERROR] (rapid) Invoke failed error=reset InvokeID={ID}"
    assert list(read(line)) == [Fact(FactKind.ERROR, ID)]


def test_a_message_of_several_lines_says_all_of_them() -> None:
    message = "\n".join((TEXT["start"][0], INJECTED, REPORT))
    assert [seen.kind for seen in read(message)] == [
        FactKind.START,
        FactKind.INJECTED,
        FactKind.REPORT,
    ]


@pytest.mark.parametrize("message,seen", UNDERSTOOD)
def test_cloudwatch_is_asked_for_all_that_is_understood(message: str, seen: Fact) -> None:
    assert any(term in message for term in TERMS)
    assert len(PATTERN) <= 1024
    assert all(f'?"{term}"' in PATTERN for term in TERMS)


@given(message=st.text(max_size=300) | st.sampled_from(UNDERSTOOD).map(lambda one: one[0]))
def test_no_message_is_too_strange(message: str) -> None:
    for cut in (message, message[: len(message) // 2], message[len(message) // 3 :]):
        list(read(cut))


def test_a_line_that_is_taken_back() -> None:
    line = INJECTED.replace("fault_injected", "fault_not_applied").replace("info", "warn")
    taken = line[:-1] + ',"retracts":true,"message":"why"}'
    assert list(read(line)) == [
        Fact(FactKind.TROUBLE, trouble=Trouble("fault_not_applied", "latency", ""))
    ]
    assert list(read(taken)) == [
        Fact(FactKind.RETRACTED, ID, fault="latency"),
        Fact(FactKind.TROUBLE, trouble=Trouble("fault_not_applied", "latency", "why")),
    ]
