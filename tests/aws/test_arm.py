"""arm, disarm and show: a live plan in a parameter, and what all of them have in common."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from aws_support import Aws, Cli, Make
from live_support import ARMED, DISARMED, SSM, parameter, plan_file, put, writes

Command = Callable[..., "subprocess.Popen[str]"]
PUT, GET = "ssm:PutParameter", "ssm:GetParameter"


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return plan_file(tmp_path)


def ahead(text: str) -> float:
    end = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (end - datetime.now(timezone.utc)).total_seconds()


def test_armed_shown_disarmed(aws: Aws, cli: Cli, plan: Path) -> None:
    said = cli("arm", plan, "--ssm", SSM)
    assert (said.code, said.out) == (0, f"ssm:{SSM}: armed\n"), said
    found = parameter(aws)
    assert [rule["fault"] for rule in found["faults"]] == ["status", "latency"]
    assert 3500 < ahead(found["end"]) <= 3600
    assert f"the faults end by themselves at {found['end']}; --for" in said.err
    assert "SSM_PARAMETER_STORE_TTL (300 s)" in said.err
    shown = cli("show", "--ssm", SSM)
    assert shown.code == 0
    assert shown.out.splitlines()[0] == f"ssm:{SSM}: armed"
    assert f"end: {found['end']} (in 59 min)" in shown.out
    assert [line.split()[:3] for line in shown.out.splitlines()[4:]] == [
        ["status", "code=503", "when=before"],
        ["latency", "delay=1000ms", "when=before"],
    ]
    said = cli("disarm", "--ssm", SSM)
    assert (said.code, said.out, parameter(aws)) == (0, f"ssm:{SSM}: disarmed\n", DISARMED)
    assert cli("show", "--ssm", SSM).out.splitlines()[0] == f"ssm:{SSM}: disabled"


def test_what_the_extension_reads_is_what_was_armed(aws: Aws, cli: Cli, plan: Path) -> None:
    """Compact, one String, without what is for editors."""
    plan.write_text(
        '"$schema": x\nfaults: [{fault: status, code: 503, body: "é NO 1:30"}]\n',
        encoding="utf-16",
    )
    cli("arm", plan, "--ssm", SSM, "--forever")
    told = aws.client("ssm").get_parameter(Name=SSM)["Parameter"]
    assert told["Type"] == "String"
    text = '{"faults":[{"fault":"status","code":503,"body":"\\u00e9 NO 1:30"}]}'
    assert told["Value"] == text


@pytest.mark.parametrize(
    ("typed", "seconds"), [(["--for", "2h"], 7200), (["--for", "1d"], 86400), ([], 3600)]
)
def test_the_end_is_as_long_as_was_said(
    aws: Aws, cli: Cli, plan: Path, typed: list[str], seconds: int
) -> None:
    cli("arm", plan, "--ssm", SSM, *typed)
    assert seconds - 60 < ahead(parameter(aws)["end"]) <= seconds


def test_an_end_of_its_own_until_and_forever(aws: Aws, cli: Cli, plan: Path) -> None:
    said = cli("arm", plan, "--ssm", SSM, "--forever")
    assert "end" not in parameter(aws)
    assert "the faults end with `faultlayer disarm`" in said.err
    cli("arm", plan, "--ssm", SSM, "--until", "2099-01-31T17:00:00+01:00", "--yes")
    assert parameter(aws)["end"] == "2099-01-31T17:00:00+01:00"
    plan.write_text("faults: [{fault: status, code: 503}]\nend: 2098-01-31T17:00:00Z\n")
    cli("arm", plan, "--ssm", SSM, "--yes")
    assert parameter(aws)["end"] == "2098-01-31T17:00:00Z"
    cli("arm", plan, "--ssm", SSM, "--yes", "--for", "30m")
    assert 1700 < ahead(parameter(aws)["end"]) <= 1800


def test_the_hour_begins_with_the_window(aws: Aws, cli: Cli, plan: Path) -> None:
    start = datetime.now(timezone.utc) + timedelta(days=2)
    plan.write_text(f"faults: [{{fault: status, code: 503}}]\nstart: {start:%Y-%m-%dT%H:%M:%SZ}\n")
    assert cli("arm", plan, "--ssm", SSM).code == 0
    assert 3590 < ahead(parameter(aws)["end"]) - 2 * 86400 <= 3600
    assert cli("show", "--ssm", SSM).out.startswith(f"ssm:{SSM}: not yet\n")


def test_feature_flags_get_their_end_as_a_flag(aws: Aws, cli: Cli, tmp_path: Path) -> None:
    plan = plan_file(tmp_path, "status: {enabled: true, code: 503}\n")
    said = cli("arm", plan, "--ssm", SSM)
    assert said.code == 0, said
    found = parameter(aws)
    assert found["faultlayer"]["enabled"] is True
    assert 3500 < ahead(found["faultlayer"]["end"]) <= 3600
    shown = json.loads(cli("show", "--ssm", SSM, "--json").out)
    assert (shown["state"], shown["end"]) == ("armed", found["faultlayer"]["end"])
    put(aws, json.dumps(found | {"faultlayer": {"enabled": True, "end": "2099-01-31T17:00:00Z"}}))
    said = cli("arm", plan, "--ssm", SSM)  # without a terminal: nothing is asked
    assert (said.code, "armed with this plan already" in said.err) == (0, True)


def test_twice_is_once(aws: Aws, cli: Cli, plan: Path) -> None:
    typed = ("--until", "2099-01-31T17:00:00Z")
    cli("arm", plan, "--ssm", SSM, *typed)
    said = cli("arm", plan, "--ssm", SSM, *typed)
    assert (said.code, said.out) == (0, f"ssm:{SSM}: unchanged\n")
    cli("disarm", "--ssm", SSM)
    said = cli("disarm", "--ssm", SSM)
    assert (said.code, said.out) == (0, f"ssm:{SSM}: unchanged\n")
    assert writes(aws) == [PUT, PUT]


def test_the_same_plan_again_starts_its_time_anew(aws: Aws, cli: Cli, plan: Path) -> None:
    """As `attach` does; without a terminal: nothing is asked."""
    cli("arm", plan, "--ssm", SSM)
    for typed, seconds in (([], 3600), (["--for", "2h"], 7200)):
        soon = f"{datetime.now(timezone.utc) + timedelta(minutes=20):%Y-%m-%dT%H:%M:%SZ}"
        put(aws, json.dumps(parameter(aws) | {"end": soon}))
        said = cli("arm", plan, "--ssm", SSM, *typed)
        assert (said.code, said.out) == (0, f"ssm:{SSM}: armed\n"), said
        assert seconds - 60 < ahead(parameter(aws)["end"]) <= seconds
        assert f"ssm:{SSM} is armed with this plan already: its end is set anew; it was {soon}" in (
            said.err
        )
    said = cli("arm", plan, "--ssm", SSM, "--forever")
    assert (said.code, "end" in parameter(aws)) == (0, False), said
    said = cli("arm", plan, "--ssm", SSM)
    assert "its end is set anew; it had no end" in said.err
    plan.write_text("faults: [{fault: status, code: 418}]\n")
    assert cli("arm", plan, "--ssm", SSM).code == 2, "other faults: that is asked"


@pytest.mark.parametrize(
    "text", ["hunter2", '{"username": "me", "password": "hunter2"}', "defaults: hunter2"]
)
def test_a_text_that_is_no_plan_is_never_printed(aws: Aws, cli: Cli, plan: Path, text: str) -> None:
    put(aws, text, Type="SecureString")
    for typed in (
        ("arm", plan, "--dry-run"),
        ("arm", plan, "--dry-run", "--json"),
        ("show",),
        ("show", "--json"),
        ("arm", plan),
        ("disarm",),
        ("arm", plan, "--yes", "--json"),
    ):
        said = cli(*typed, "--ssm", SSM)
        assert "hunter2" not in said.out + said.err
        if "--dry-run" in typed:
            assert said.code == 0
            assert f"ssm:{SSM} holds " in said.err
            assert "overwrites it" in said.err


def test_values_that_may_be_secrets_are_masked(aws: Aws, cli: Cli, plan: Path) -> None:
    plan.write_text("faults: [{fault: env, variables: {DB_PASSWORD: hunter2, REGION: null}}]\n")
    said = [cli("arm", plan, "--ssm", SSM, "--dry-run")]
    said += [cli("arm", plan, "--ssm", SSM, "--json"), cli("show", "--ssm", SSM)]
    said += [cli("show", "--ssm", SSM, "--json")]
    said += [cli("arm", plan, "--ssm", SSM, "--dry-run", "--for", "2h")]  # another end: a change
    for one in said:
        assert "hunter2" not in one.out + one.err
        assert "DB_PASSWORD" in one.out
    assert parameter(aws)["faults"][0]["variables"]["DB_PASSWORD"] == "hunter2"


def test_an_end_that_is_over_is_renewed_without_asking(aws: Aws, cli: Cli, plan: Path) -> None:
    cli("arm", plan, "--ssm", SSM)
    put(aws, json.dumps(parameter(aws) | {"end": "2020-01-01T00:00:00Z"}))
    shown = cli("show", "--ssm", SSM)
    assert "end: 2020-01-01T00:00:00Z (over)" in shown.out
    assert cli("arm", plan, "--ssm", SSM).code == 0
    assert ahead(parameter(aws)["end"]) > 3500


def test_a_condition_that_can_never_hold_is_told_before(aws: Aws, cli: Cli, plan: Path) -> None:
    plan.write_text("faults: [{fault: status, code: 503, match: {headers.n: 5}}]\n")
    said = cli("arm", plan, "--ssm", SSM, "--dry-run")
    assert said.code == 0
    wanted = f"faultlayer: warning: {plan}: faults[0].match can never hold: headers.n is text"
    assert len([line for line in said.lines if line.startswith(wanted)]) == 1
    cli("arm", plan, "--ssm", SSM)
    assert f"warning: ssm:{SSM}: faults[0].match can never hold" in cli("show", "--ssm", SSM).err


def test_explain_reads_a_live_plan_or_says_that_it_cannot(
    aws: Aws, cli: Cli, plan: Path, tmp_path: Path
) -> None:
    event = tmp_path / "event.json"
    event.write_text("{}")
    typed = ("explain", "--event", event, "--plan", f"ssm:{SSM}")
    said = cli(*typed)
    assert said.code == 1
    assert f"ssm:{SSM} cannot be read, so it is not known what hits" in said.err
    assert "does not exist in" in said.err
    assert said.out.splitlines()[1].split()[:2] == ["FAULTLAYER_PLAN", "unknown"]
    cli("arm", plan, "--ssm", SSM)
    said = cli(*typed)
    assert said.code == 0
    assert [line.split()[:3] for line in said.out.splitlines()[1:]] == [
        ["faults[1]", "latency", "hits"],
        ["faults[0]", "status", "may"],
    ]
    cli("disarm", "--ssm", SSM)
    assert cli(*typed).out == "no fault is configured: nothing is injected\n"


def test_an_armed_plan_is_replaced_on_the_users_word(aws: Aws, cli: Cli, plan: Path) -> None:
    for before in (ARMED, "no plan at all"):
        put(aws, before)
        aws.front.calls.clear()
        for typed in (None, "", "y\n"):
            said = cli("arm", plan, "--ssm", SSM, input=typed)
            assert (said.code, writes(aws)) == (2, [])
            assert "not confirmed; nothing was written" in said.err
        assert cli("arm", plan, "--ssm", SSM, input="yes\n").code == 0
        assert len(parameter(aws)["faults"]) == 2


def test_dry_run_prints_the_difference_and_writes_nothing(aws: Aws, cli: Cli, plan: Path) -> None:
    put(aws, ARMED)
    aws.front.calls.clear()
    said = cli("arm", plan, "--ssm", SSM, "--forever", "--dry-run")
    assert (said.code, writes(aws)) == (0, [])
    lines = said.out.splitlines()
    assert lines[0] == f"ssm:{SSM}: would change"
    assert lines[1].startswith('  {"faults":[{"fault":"status","code":503,"rate":"5%"}')
    assert '  -      "code": 500' in lines
    assert '  +      "code": 503,' in lines
    told = json.loads(cli("arm", plan, "--ssm", SSM, "--forever", "--dry-run", "--json").out)
    assert told["before"] == json.loads(ARMED)
    assert (told["outcome"], len(told["plan"]["faults"])) == ("would change", 2)


def test_json_for_scripts(aws: Aws, cli: Cli, plan: Path) -> None:
    told = json.loads(cli("arm", plan, "--ssm", SSM, "--json").out)
    assert told == {
        "account": "123456789012",
        "account_alias": None,
        "region": "eu-west-1",
        "source": f"ssm:{SSM}",
        "outcome": "armed",
        "plan": parameter(aws),
        "before": None,
        "readers": [],
    }
    shown = json.loads(cli("show", "--ssm", SSM, "--json").out)
    assert shown["plan"] == parameter(aws)
    assert shown["rules"][0] == {
        "fault": "status",
        "options": {"code": "503", "when": "before", "sources": "callers"},
        "rate": "0.05",
        "match": None,
        "max": None,
    }
    told = json.loads(cli("disarm", "--ssm", SSM, "--json").out)
    assert told == {
        "account": "123456789012",
        "account_alias": None,
        "region": "eu-west-1",
        "source": f"ssm:{SSM}",
        "outcome": "disarmed",
    }


def test_who_reads_it_is_said(aws: Aws, make: Make, cli: Cli, plan: Path) -> None:
    make("orders", variables={"FAULTLAYER_PLAN": f"ssm:{SSM}"})
    make("cart", variables={"FAULTLAYER_PLAN": f" ssm:{SSM} "})
    make("users", variables={"FAULTLAYER_PLAN": "ssm:/chaos/users"})
    make("plain", variables={"PLAN": f"ssm:{SSM}"})
    said = cli("arm", plan, "--ssm", SSM)
    assert f"2 functions read ssm:{SSM} in eu-west-1: orders, cart" in said.err
    aws.front.deny("lambda:ListFunctions")
    said = cli("arm", plan, "--ssm", SSM, "--for", "2h", "--yes")
    assert said.code == 0
    assert len([line for line in said.lines if "is not known" in line]) == 1
    assert "lambda:ListFunctions" in said.err


def long(length: int) -> str:
    """A plan that takes so many characters."""
    head, tail = '{"faults":[{"fault":"status","code":503,"body":"', '"}]}'
    return head + "x" * (length - len(head) - len(tail)) + tail


def test_a_long_plan_needs_the_advanced_tier(aws: Aws, cli: Cli, tmp_path: Path) -> None:
    assert cli("arm", plan_file(tmp_path, long(4096)), "--ssm", SSM, "--forever").code == 0
    more = plan_file(tmp_path, long(4097))
    said = cli("arm", more, "--ssm", SSM, "--forever", "--yes")
    assert said.code == 2
    assert "takes 4097 characters, more than the 4096" in said.err
    assert "--advanced" in said.err
    assert cli("arm", more, "--ssm", SSM, "--forever", "--yes", "--advanced").code == 0
    said = cli("arm", plan_file(tmp_path, long(8193)), "--ssm", SSM, "--forever", "--advanced")
    assert said.code == 2
    assert "takes 8193 characters, more than the 8192" in said.err
    assert cli("disarm", "--ssm", SSM).code == 0  # a parameter keeps its tier
    assert [call for call in writes(aws) if call == PUT] == [PUT] * 3


def test_a_parameter_that_must_be_called_advanced(aws: Aws, cli: Cli, plan: Path) -> None:
    put(aws, ARMED, Tier="Advanced")
    why = (
        "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
        "advanced-parameter tier to the standard-parameter tier."
    )
    aws.front.refuse(PUT, 400, "ValidationException", why, 1)
    assert cli("disarm", "--ssm", SSM).code == 0
    assert parameter(aws) == DISARMED


def test_a_secure_parameter_stays_one(aws: Aws, cli: Cli, plan: Path) -> None:
    put(aws, DISARMED_TEXT, Type="SecureString")
    for typed in (["arm", plan], ["disarm"]):
        assert cli(*typed, "--ssm", SSM).code == 0
        found = aws.client("ssm").get_parameter(Name=SSM, WithDecryption=True)["Parameter"]
        assert found["Type"] == "SecureString"
    assert json.loads(found["Value"]) == DISARMED


DISARMED_TEXT = json.dumps(DISARMED)
PLACE = "eu-west-1 (account 123456789012)"
SOURCE = ["--ssm", SSM]
MISTAKES = [
    (["arm", "PLAN"], "one source is meant; allowed: --ssm NAME or --appconfig"),
    (["arm", "PLAN", *SOURCE, "--appconfig", "a/b/c"], "one source is meant"),
    (["disarm"], "one source is meant"),
    (["show"], "one source is meant"),
    (["arm", "PLAN", "--ssm", "a b"], "--ssm a b is not a parameter's name"),
    (["arm", "PLAN", "--ssm", "arn:aws:ssm:eu-west-1:1:parameter/a"], "not a parameter's name"),
    (["disarm", "--appconfig", "a/b"], "--appconfig a/b is no profile"),
    (["disarm", *SOURCE], f"ssm:{SSM} does not exist in {PLACE}; nothing was written"),
    (["show", *SOURCE], f"ssm:{SSM} does not exist in {PLACE}"),
    (["disarm", "--appconfig", "a/b/c"], "AppConfig's application a does not exist in eu-west-1"),
    (["arm", "PLAN", *SOURCE, "--for", "soon"], "--for is not a time up to a year"),
    (["arm", "PLAN", *SOURCE, "--for", "1h", "--forever"], "the end is given twice"),
    (["arm", "PLAN", *SOURCE, "--until", "tomorrow"], "--until is not a time in ISO 8601"),
    (["arm", "PLAN", *SOURCE, "--until", "2020-01-01T00:00:00Z"], "--until is over already"),
    (["arm", "nowhere.yaml", *SOURCE], "nowhere.yaml cannot be read"),
    (["arm", "WRONG", *SOURCE], "faults[0].code is outside 100 to 599"),
    (["arm", "LATE", *SOURCE, "--for", "1h"], "end is not after start"),
    (["arm", *SOURCE], "Missing argument 'PLAN'"),
]


@pytest.mark.parametrize(("typed", "line"), MISTAKES, ids=lambda value: " ".join(value)[:30])
def test_a_mistake_writes_nothing(
    aws: Aws, cli: Cli, tmp_path: Path, typed: list[str], line: str
) -> None:
    texts = {
        "PLAN": "faults: [{fault: status, code: 503}]\n",
        "WRONG": "faults: [{fault: status, code: 999}]\n",
        "LATE": "faults: [{fault: status, code: 503}]\nstart: 2098-01-01T00:00:00Z\n",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    words = [str(tmp_path / f"{word}.yaml") if word in texts else word for word in typed]
    said = cli(*words)
    assert (said.code, writes(aws), said.out) == (2, [], ""), said
    assert len([told for told in said.lines if line in told]) == 1, said
    assert "Traceback" not in said.err


@pytest.mark.parametrize("action", [PUT, GET])
def test_a_refusal_is_one_line(aws: Aws, cli: Cli, plan: Path, action: str) -> None:
    put(aws, ARMED)
    aws.front.deny(action)
    said = cli("arm", plan, "--ssm", SSM, "--yes")
    assert said.code == 1
    assert len([line for line in said.lines if "AccessDenied" in line and action in line]) == 1
    if action == PUT:
        said = cli("disarm", "--ssm", SSM)
        assert said.code == 1
        assert len([line for line in said.lines if action in line]) == 1


def test_what_cannot_be_read_is_disarmed_all_the_same(aws: Aws, cli: Cli) -> None:
    put(aws, ARMED)
    aws.front.deny(GET)
    said = cli("disarm", "--ssm", SSM)
    assert said.code == 0
    assert "could not be read" in said.err
    said = cli("disarm", "--ssm", "/not/there")  # which makes no parameter
    assert said.code == 1
    aws.front.allow(GET)
    assert (parameter(aws), parameter(aws, "/not/there")) == (DISARMED, None)


def test_show_says_what_the_extension_would(aws: Aws, cli: Cli) -> None:
    put(
        aws,
        '{"faults":[{"fault":"status","code":999},{"fault":"latency","delay":"1s"}],"rate":0.5}',
    )
    said = cli("show", "--ssm", SSM)
    assert (said.code, said.out.splitlines()[:3]) == (
        0,
        [f"ssm:{SSM}: armed", f"region: {PLACE}", "rate: 0.5"],
    )
    assert "latency" in said.out
    assert "faults[0].code is outside 100 to 599" in said.err
    for text, state in (
        ("nonsense", "wrong"),
        ('{"faults":[]}', "empty"),
        ('{"faults":[{"fault":"status","code":503}],"dry_run":true}', "dry run"),
        ('{"faults":[{"fault":"status","code":999}]}', "wrong"),
    ):
        put(aws, text)
        said = cli("show", "--ssm", SSM)
        assert said.out.splitlines()[0] == f"ssm:{SSM}: {state}"
        assert bool(said.err) == (state == "wrong")
        assert ("functions that have read a good plan keep it" in said.err) == (state == "wrong")
        assert "; nothing is injected" not in said.err


def test_something_that_is_no_plan_is_not_called_armed(aws: Aws, cli: Cli, plan: Path) -> None:
    put(aws, "a password")
    told = f"ssm:{SSM} holds a text of 10 characters that is no plan; this overwrites it"
    said = cli("arm", plan, "--ssm", SSM)
    assert said.code == 2
    assert told in said.err
    said = cli("arm", plan, "--ssm", SSM, "--yes")
    assert said.code == 0
    assert told in said.err
    put(aws, '{"faults":[{"fault":"nonsense"}]}')
    said = cli("arm", plan, "--ssm", SSM)
    assert f"ssm:{SSM} holds no plan that can be read; this overwrites it" in said.err


def test_disarm_overwrites_nothing_that_no_function_reads_as_a_plan(
    aws: Aws, make: Make, cli: Cli
) -> None:
    def found(name: str) -> tuple[str, str]:
        told = aws.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
        return told["Type"], told["Value"]

    texts = {"SecureString": "a password", "StringList": "a,b", "String": '{"db":"x"}'}
    for kind, text in texts.items():
        put(aws, text, f"/{kind}", Type=kind)
        said = cli("disarm", "--ssm", f"/{kind}")
        assert (said.code, said.out, found(f"/{kind}")) == (2, "", (kind, text))
        assert f"ssm:/{kind} holds a text that is no plan, and no function in {PLACE}" in said.err
        assert "--yes" in said.err
    aws.front.deny("lambda:ListFunctions")
    said = cli("disarm", "--ssm", "/SecureString")
    assert (said.code, found("/SecureString")) == (2, ("SecureString", "a password"))
    assert "which functions read it is not known" in said.err
    assert cli("disarm", "--ssm", "/SecureString", "--yes").code == 0
    kind, text = found("/SecureString")
    assert (kind, json.loads(text)) == ("SecureString", DISARMED)
    aws.front.allow("lambda:ListFunctions")
    make("orders", variables={"FAULTLAYER_PLAN": "ssm:/String"})
    assert cli("disarm", "--ssm", "/String").code == 0
    assert parameter(aws, "/String") == DISARMED


def test_a_plan_that_injects_nothing_gets_no_end(aws: Aws, cli: Cli, plan: Path) -> None:
    plan.write_text("faults: []\n")
    said = cli("arm", plan, "--ssm", SSM)
    assert (said.code, parameter(aws)) == (0, {"faults": []})
    assert "this plan injects nothing: it is empty" in said.err


def test_interrupted_while_writing(aws: Aws, command: Command, plan: Path) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        go_on.wait(20)

    aws.front.before(PUT, hold)
    process = command("arm", plan, "--ssm", SSM)
    assert reached.wait(30)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    go_on.set()
    assert (process.returncode, out) == (1, "")
    assert err.splitlines()[-1] == (
        f"faultlayer: interrupted; ssm:{SSM} may be armed: `faultlayer show --ssm {SSM}` tells"
    )
    assert "Traceback" not in err


def test_a_plan_that_only_observes_ends_by_itself_too(aws: Aws, cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "observe.yaml"
    path.write_text("observe: hosts\n")
    said = cli("arm", path, "--ssm", SSM)
    assert said.code == 0, said
    assert parameter(aws)["observe"] == "hosts"
    assert 3500 < ahead(parameter(aws)["end"]) <= 3600
    assert "observe: hosts" in cli("show", "--ssm", SSM).out
    path.write_text("observe: s3\n")
    said = cli("arm", path, "--ssm", SSM)
    assert said.code == 2
    assert "observe is wrong in entry 1: it is not one of hosts; allowed: " in said.err
    assert parameter(aws)["observe"] == "hosts"
