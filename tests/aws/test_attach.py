"""attach and detach: what becomes of one function, and of what it had."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from aws_support import Aws, Cli, Make
from strict import READ, UPDATE

WRAPPER = "/opt/faultlayer-wrapper"
STATES = ("LastModified", "RevisionId", "LastUpdateStatus")


def settled(told: dict[str, Any]) -> dict[str, Any]:
    """A configuration without what every update changes."""
    return {key: value for key, value in told.items() if key not in STATES}


def updates(aws: Aws) -> int:
    return sum(call.action == UPDATE for call in aws.front.calls)


def test_the_layer_and_the_variables_come_and_go(
    aws: Aws, make: Make, cli: Cli, layer: str
) -> None:
    make("orders", variables={"TABLE": "orders"})
    before = settled(aws.configuration("orders"))
    faults = ["--latency", "300ms", "--latency-rate", "20%", "--status", "503"]
    said = cli("attach", "orders", *faults, "--forever")
    assert said.code == 0, said
    assert aws.layers("orders") == [layer]
    assert aws.variables("orders") == {
        "TABLE": "orders",
        "AWS_LAMBDA_EXEC_WRAPPER": WRAPPER,
        "FAULTLAYER_LATENCY": "300ms",
        "FAULTLAYER_LATENCY_RATE": "20%",
        "FAULTLAYER_STATUS": "503",
    }
    assert "changed" in said.out
    said = cli("detach", "orders")
    assert said.code == 0, said
    assert settled(aws.configuration("orders")) == before


@pytest.mark.parametrize("variables", [None, {}, {"A": ""}], ids=["none", "empty", "an empty one"])
def test_a_function_without_variables_is_without_them_again(
    aws: Aws, make: Make, cli: Cli, layer: str, variables: dict[str, str] | None
) -> None:
    make("orders", variables=variables)
    before = settled(aws.configuration("orders"))
    cli("attach", "orders", "--status", "503")
    assert "FAULTLAYER_STATUS" in aws.variables("orders")
    cli("detach", "orders")
    assert settled(aws.configuration("orders")) == before


def test_twice_is_once(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders")
    until = ("--until", "2099-01-31T17:00:00Z")
    cli("attach", "orders", "--status", "503", *until)
    made = aws.configuration("orders")
    said = cli("attach", "orders", "--status", "503", *until)
    assert (said.code, updates(aws)) == (0, 1)
    assert aws.configuration("orders") == made
    assert "unchanged" in said.out


def test_other_faults_take_the_place_of_the_first(
    aws: Aws, make: Make, cli: Cli, layer: str
) -> None:
    make("orders")
    cli("attach", "orders", "--status", "503", "--seed", "7")
    cli("attach", "orders", "--latency", "1s", "--forever", "--yes")
    assert aws.variables("orders") == {
        "AWS_LAMBDA_EXEC_WRAPPER": WRAPPER,
        "FAULTLAYER_LATENCY": "1s",
    }


def test_no_fault_brings_the_layer_alone_and_leaves_the_faults(
    aws: Aws, make: Make, cli: Cli, layer: str
) -> None:
    make("orders")
    said = cli("attach", "orders")
    assert said.code == 0
    assert "no fault is given" in said.err
    assert aws.variables("orders") == {"AWS_LAMBDA_EXEC_WRAPPER": WRAPPER}
    cli("attach", "orders", "--status", "503")
    newer = aws.ours("x86_64", "2")
    cli("attach", "orders")
    assert aws.layers("orders") == [newer]
    assert aws.variables("orders")["FAULTLAYER_STATUS"] == "503"


def test_layers_and_their_order_are_kept(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    others = [aws.layer("zebra"), aws.layer("faultlayer-utils"), aws.layer("alpha")]
    make("orders", layers=others)
    cli("attach", "orders", "--status", "503")
    assert aws.layers("orders") == [*others, layer]
    cli("detach", "orders")
    assert aws.layers("orders") == others


@pytest.mark.parametrize("wrapper", ["/opt/datadog_wrapper", "/opt/otel-handler", ""])
def test_the_wrapper_there_was_is_chained_and_given_back(
    aws: Aws, make: Make, cli: Cli, layer: str, wrapper: str
) -> None:
    make("orders", variables={"AWS_LAMBDA_EXEC_WRAPPER": wrapper, "DD_ENV": "live"})
    before = settled(aws.configuration("orders"))
    for faults in (["--status", "503"], ["--latency", "1s"]):
        cli("attach", "orders", *faults, "--yes")
        found = aws.variables("orders")
        assert found["AWS_LAMBDA_EXEC_WRAPPER"] == WRAPPER
        assert found["FAULTLAYER_NEXT_WRAPPER"] == wrapper
    cli("detach", "orders")
    assert settled(aws.configuration("orders")) == before


def test_the_layer_is_of_the_functions_architecture(aws: Aws, make: Make, cli: Cli) -> None:
    of = {"x86_64": aws.ours("x86_64"), "arm64": aws.ours("arm64")}
    for architecture in of:
        make(f"on-{architecture}", architecture=architecture)
    assert cli("attach", "on-*", "--status", "503", "--yes").code == 0
    for architecture, arn in of.items():
        assert aws.layers(f"on-{architecture}") == [arn]


def test_detach_leaves_an_untouched_function_alone(aws: Aws, make: Make, cli: Cli) -> None:
    make("orders", layers=[aws.layer()], variables={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/other"})
    before = aws.configuration("orders")
    said = cli("detach", "orders")
    assert (said.code, updates(aws)) == (0, 0)
    assert aws.configuration("orders") == before


def test_dry_run_prints_the_difference_and_changes_nothing(
    aws: Aws, make: Make, cli: Cli, layer: str
) -> None:
    make("orders", variables={"SECRET": "hunter2", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/other"})
    before = aws.configuration("orders")
    said = cli("attach", "orders", "--status", "503", "--forever", "--dry-run")
    assert said.code == 0
    assert said.out.splitlines() == [
        "orders: would change",
        f"  + layer {layer}",
        "  - AWS_LAMBDA_EXEC_WRAPPER=/opt/other",
        f"  + AWS_LAMBDA_EXEC_WRAPPER={WRAPPER}",
        "  + FAULTLAYER_NEXT_WRAPPER=/opt/other",
        "  + FAULTLAYER_STATUS=503",
    ]
    assert updates(aws) == 0
    assert aws.configuration("orders") == before


def test_json_for_scripts(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders", variables={"SECRET": "hunter2"})
    said = cli("attach", "orders", "--status", "503", "--forever", "--json")
    assert json.loads(said.out) == {
        "account": "123456789012",
        "account_alias": None,
        "region": "eu-west-1",
        "functions": [
            {
                "function": "orders",
                "outcome": "changed",
                "layers": [layer],
                "set": {"AWS_LAMBDA_EXEC_WRAPPER": WRAPPER, "FAULTLAYER_STATUS": "503"},
                "removed": [],
            }
        ],
    }
    said = cli("detach", "orders", "--json")
    (told,) = json.loads(said.out)["functions"]
    assert told["removed"] == ["AWS_LAMBDA_EXEC_WRAPPER", "FAULTLAYER_STATUS"]


def test_it_ends_with_one_sentence_that_says_how_to_stop(
    aws: Aws, make: Make, cli: Cli, layer: str
) -> None:
    for name in ("orders", "orders-eu"):
        make(name)
    aws.config.write_text("[profile team]\nregion = eu-west-1\n")
    aws.credentials.write_text("[team]\naws_access_key_id = k\naws_secret_access_key = s\n")
    faults = ("--latency", "300ms", "--latency-rate", "20%")
    said = cli("attach", "orders*", *faults, "--yes", "--profile", "team")
    last = said.lines[-1]
    assert last.startswith(
        "faultlayer: 20% of the invocations of orders and orders-eu are hit by latency 300ms, until"
    )
    assert "(in 60 min); to stop: faultlayer stop 'orders*' " in last
    stop = shlex.split(last.partition("to stop: ")[2])
    assert cli(*stop[1:]).code == 0
    assert aws.variables("orders-eu")["FAULTLAYER_DISABLED"] == "true"
    said = cli("attach", "orders", *faults, "--dry-run")
    assert "nothing was changed; then 20% of the invocations of orders would" in said.lines[-1]
    assert "nothing is injected in orders" in cli("attach", "orders").lines[-1]
    aws.front.deny(UPDATE)
    assert "are hit" not in cli("attach", "orders", *faults).err


def test_dry_run_of_the_faults_is_another_flag(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders")
    assert cli("attach", "orders", "--status", "503", "--log-only").code == 0
    assert aws.variables("orders")["FAULTLAYER_DRY_RUN"] == "true"


REFUSED = [
    ({"image": True}, "is a container image, which has no layers: see docs/images.md"),
    ({"runtime": "provided.al2023"}, "ignores exec wrappers: repackage it with `faultlayer wrap"),
    ({"variables": {"FAULTLAYER_STATUS": "1"}}, "has variables of faultlayer's without its layer"),
    ({"variables": {"FILL": "x" * 3990}}, "more than the 4096 that Lambda allows"),
]


@pytest.mark.parametrize(("made", "reason"), REFUSED, ids=["image", "os-only", "own", "full"])
def test_what_cannot_be_given_back_is_refused_untouched(
    aws: Aws, make: Make, cli: Cli, layer: str, made: dict[str, Any], reason: str
) -> None:
    make("orders", **made)
    before = aws.configuration("orders")
    said = cli("attach", "orders", "--status", "503")
    assert (said.code, updates(aws)) == (2, 0)
    assert len([line for line in said.lines if reason in line]) == 1, said
    assert aws.configuration("orders") == before


def test_a_sixth_layer_is_refused(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders", layers=[aws.layer(f"l{n}") for n in range(5)])
    said = cli("attach", "orders", "--status", "503")
    assert (said.code, updates(aws)) == (2, 0)
    assert "has 5 layers already, the most that Lambda allows" in said.err


def test_an_os_only_runtime_with_a_wrapped_package(
    aws: Aws, make: Make, cli: Cli, layer: str
) -> None:
    make("orders", runtime="provided.al2023")
    assert cli("attach", "orders", "--status", "503", "--wrapped").code == 0
    assert aws.layers("orders") == [layer]


def test_hidden_variables_are_never_written_over(
    aws: Aws, make: Make, cli: Cli, layer: str
) -> None:
    make("orders", variables={"SECRET": "hunter2"})
    aws.front.hide_variables("orders")
    said = cli("attach", "orders", "--status", "503")
    assert (said.code, updates(aws)) == (2, 0)
    assert "kms:Decrypt" in said.err


def test_a_function_in_creation_or_update_is_waited_for(
    aws: Aws, make: Make, cli: Cli, layer: str
) -> None:
    for name, arrange in (("new", aws.front.pending), ("busy", aws.front.busy)):
        make(name)
        arrange(name, 2)
        said = cli("attach", name, "--status", "503")
        assert said.code == 0, said
        assert aws.variables(name)["FAULTLAYER_STATUS"] == "503"


def test_an_update_of_ours_is_waited_for(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders")
    aws.front.update_takes = 2
    assert cli("attach", "orders", "--status", "503").code == 0
    assert aws.configuration("orders")["LastUpdateStatus"] == "Successful"


def test_no_wait_leaves_it_in_progress(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders")
    aws.front.update_takes = 2
    said = cli("attach", "orders", "--status", "503", "--no-wait")
    assert said.code == 0
    assert "AWS is still applying it" in said.out


def test_an_update_that_aws_fails_to_apply(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders")
    aws.front.update_takes = 1
    aws.front.fail_update("orders", "the key is disabled")
    said = cli("attach", "orders", "--status", "503")
    assert said.code == 1
    assert "AWS failed to apply it: the key is disabled" in said.err


def test_someone_else_was_quicker(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders", variables={"TABLE": "old"})
    aws.front.before(UPDATE, lambda: aws.set_variables("orders", TABLE="new"))
    said = cli("attach", "orders", "--status", "503")
    assert said.code == 1
    assert "was changed by someone else after it was read" in said.err
    assert aws.variables("orders") == {"TABLE": "new"}
    assert aws.layers("orders") == []


def test_a_lost_answer_is_looked_up(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    """boto3 tries again and finds the revision gone: our own update, not somebody's."""
    make("orders")
    aws.front.lose_answer(UPDATE)
    said = cli("attach", "orders", "--status", "503")
    assert said.code == 0, said
    assert aws.variables("orders")["FAULTLAYER_STATUS"] == "503"


def test_answers_lost_for_good(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders")
    aws.front.lose_answer(UPDATE, times=100)
    said = cli("attach", "orders", "--status", "503")
    assert said.code == 0, said
    assert aws.variables("orders")["FAULTLAYER_STATUS"] == "503"


def test_throttling_is_waited_out(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders")
    aws.front.throttle(READ, 3)
    aws.front.throttle(UPDATE, 3)
    assert cli("attach", "orders", "--status", "503").code == 0
    assert aws.layers("orders") == [layer]


def test_no_permission_is_aws_refusal(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders")
    before = aws.configuration("orders")
    for action in (UPDATE, READ):
        aws.front.deny(action)
        said = cli("attach", "orders", "--status", "503")
        assert said.code == 1
        told = [line for line in said.lines if "AccessDenied" in line]
        assert len(told) == 1
        assert action.partition(":")[2] in told[0]
    aws.front.reset()
    assert aws.variables("orders") == before.get("Environment", {}).get("Variables", {})


MISTAKES = [
    (["orders"], "function orders does not exist in eu-west-1"),
    (
        ["orders:live"],
        "orders:live is a version or an alias, which cannot be changed; allowed: orders,",
    ),
    (["or ders"], "or ders is not a function's name"),
    (["orders", "--stack", "s"], "functions are selected in two ways"),
    ([], "no function is named"),
    (["--tag", "team"], "--tag is not key=value"),
    (["there", "--latency", "soon"], "--latency is not a duration"),
    (["there", "--latency-rate", "1"], "--latency-rate has no effect without --latency"),
    (["there", "--log-only", "--rate", "2"], "--rate is above 1, which is 100%"),
    (["there", "--for", "soon"], "--for is not a time up to a year; allowed: for example 30m"),
    (["there", "--for", "2h", "--forever"], "the end is given twice"),
    (["there", "--until", "2020-01-01T00:00:00Z"], "--until is over already"),
    (["there", "--until", "tomorrow"], "--until is not a time in ISO 8601"),
    (["there", "--latency-max", "5"], "--latency-max has no effect without --latency"),
    (["lonely", "--seed", "7"], "--seed without a fault"),
    (["there", "--layer-arn", "nonsense", "--status", "503"], "--layer-arn"),
]


@pytest.mark.parametrize(("typed", "line"), MISTAKES, ids=lambda value: " ".join(value)[:20])
def test_a_mistake_changes_nothing(
    aws: Aws, make: Make, cli: Cli, layer: str, typed: list[str], line: str
) -> None:
    make("there")
    before = aws.configuration("there")
    own = any(word.startswith("--la") or word == "lonely" for word in typed)
    faults = [] if own else ["--status", "503"]
    said = cli("attach", *typed, *faults)
    assert (said.code, updates(aws), said.out) == (2, 0, "")
    assert len([told for told in said.lines if line in told]) == 1, said
    assert "Traceback" not in said.err
    assert aws.configuration("there") == before


def test_one_unknown_name_stops_the_others(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders")
    said = cli("attach", "orders", "odrers", "--status", "503", "--yes")
    assert (said.code, updates(aws)) == (2, 0)
    assert "function odrers does not exist" in said.err


def test_a_layer_of_the_other_architecture(aws: Aws, make: Make, cli: Cli) -> None:
    make("orders")
    said = cli("attach", "orders", "--layer-arn", aws.ours("arm64"), "--status", "503")
    assert (said.code, updates(aws)) == (2, 0)
    assert "arm64" in said.err
    assert "x86_64" in said.err


def test_no_layer_published_yet(aws: Aws, make: Make, cli: Cli) -> None:
    make("orders")
    said = cli("attach", "orders", "--status", "503")
    assert (said.code, updates(aws)) == (2, 0)
    assert "faultlayer publish" in said.err


def test_detach_leaves_an_image_alone_that_brings_the_layer_along(
    aws: Aws, make: Make, cli: Cli
) -> None:
    own = {"AWS_LAMBDA_EXEC_WRAPPER": WRAPPER, "FAULTLAYER_STATUS": "503"}
    make("orders", image=True, variables=own)
    said = cli("detach", "orders")
    assert (said.code, updates(aws)) == (0, 0)
    assert aws.variables("orders") == own


def test_observing_alone_ends_by_itself_and_is_stopped_like_a_fault(
    aws: Aws, make: Make, cli: Cli, layer: str
) -> None:
    make("orders")
    said = cli("attach", "orders", "--observe", "hosts")
    assert said.code == 0, said
    assert aws.variables("orders")["FAULTLAYER_OBSERVE"] == "hosts"
    assert "FAULTLAYER_END" in aws.variables("orders")
    assert "observing ends by itself at" in said.err
    assert "nothing is injected, the hosts that orders calls are observed, until" in said.err
    assert json.loads(cli("status", "--json").out)["functions"][0]["state"] == "observing"
    assert cli("stop", "orders").code == 0
    assert aws.variables("orders")["FAULTLAYER_DISABLED"] == "true"
    assert json.loads(cli("status", "--json").out)["functions"][0]["state"] == "disabled"


@pytest.mark.parametrize(
    ("flag", "text", "fault"),
    [
        ("--observe", "", ""),
        ("--observe", "hosts,s3", ""),
        ("--network-hosts", "*.*..", "--network=1s"),
        ("--connect-hosts", "10.0.0.0/33", "--connect=refuse"),
        ("--dns-hosts", "/[/", "--dns=nxdomain"),
        ("--bandwidth", "0", ""),
    ],
)
def test_a_mistake_about_connections_changes_nothing(
    aws: Aws, make: Make, cli: Cli, layer: str, flag: str, text: str, fault: str
) -> None:
    make("orders")
    said = cli("attach", "orders", f"{flag}={text}", *([fault] if fault else []))
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert flag in said.err
    assert "; allowed: a " in said.err
    assert updates(aws) == 0


def test_values_that_may_be_secrets_are_masked(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders")
    text = '{"DB_PASSWORD":"hunter2","REGION":null}'
    typed = ("attach", "orders", "--env", text)
    said = [cli(*typed, "--dry-run"), cli(*typed, "--dry-run", "--json"), cli(*typed)]
    assert aws.variables("orders")["FAULTLAYER_ENV"] == text
    assert 'by env {"DB_PASSWORD":"***","REGION":null}' in said[-1].err
    said += [cli("status"), cli("status", "--json"), cli("attach", "orders", "--status", "503")]
    said += [cli("detach", "orders", "--dry-run"), cli("stop", "orders", "--dry-run")]
    said += [cli("detach", "orders", "--json")]
    for one in said:
        assert "hunter2" not in one.out + one.err


def test_detach_says_what_another_tool_changed(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    for command in (("detach", "orders"), ("stop", "orders", "--detach")):
        make("orders", variables={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/dd", "A": "1"})
        cli("attach", "orders", "--status", "503")
        kept = aws.variables("orders")
        del kept["AWS_LAMBDA_EXEC_WRAPPER"]
        aws.set_variables("orders", **kept)
        said = cli(*command)
        assert said.code == 0, said
        assert (aws.variables("orders"), aws.layers("orders")) == ({"A": "1"}, [])
        assert "orders: AWS_LAMBDA_EXEC_WRAPPER is not set any more: /opt/dd, which" in said.err
        said = cli("detach", "orders")
        assert (said.code, "has nothing of faultlayer's" in said.out) == (0, True)
        aws.client("lambda").delete_function(FunctionName="orders")
