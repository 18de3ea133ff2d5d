"""Published versions that keep their faults: stop, status and detach name them, attach warns."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_support import CODE, Aws, Cli, Make, archive
from live_support import ARMED, DISARMED, SSM, parameter, plan_file, put

WRAPPER = "/opt/faultlayer-wrapper"
VERSIONS, ALIASES = "lambda:ListVersionsByFunction", "lambda:ListAliases"
OVER = "2020-01-01T00:00:00Z"
OTHER_CODE = archive({"app.py": "def handler(event, context):\n    return 2\n"})


@pytest.fixture
def publish(aws: Aws, make: Make, layer: str) -> Any:
    """Publishes a version of `orders` with these faults (none: without the layer)."""
    made: list[str] = []

    def publish(name: str = "orders", **faults: str) -> str:
        if name not in made:
            make(name)
            made.append(name)
        variables = {f"FAULTLAYER_{key}": text for key, text in faults.items()}
        variables |= {"AWS_LAMBDA_EXEC_WRAPPER": WRAPPER} if faults else {}
        aws.client("lambda").update_function_configuration(
            FunctionName=name,
            Layers=[layer] if faults else [],
            Environment={"Variables": variables | {"N": str(len(aws.front.calls))}},
        )
        return aws.publish(name)

    return publish


def clean(aws: Aws, name: str = "orders") -> None:
    """The unpublished version has neither layer nor faults any more, as after `detach`."""
    aws.client("lambda").update_function_configuration(
        FunctionName=name, Layers=[], Environment={"Variables": {}}
    )


def run(aws: Aws, line: str) -> None:
    """Does what an advised command of the AWS command line says."""
    words = shlex.split(line.partition("  #")[0])
    assert words[:2] == ["aws", "lambda"]
    given = dict(zip(words[3::2], words[4::2], strict=True))
    assert given.pop("--region") == "eu-west-1"
    arguments: dict[str, Any] = {
        "".join(part.capitalize() for part in key[2:].split("-")): value
        for key, value in given.items()
    }
    if arguments.pop("RoutingConfig", None):
        arguments["RoutingConfig"] = {"AdditionalVersionWeights": {}}
    getattr(aws.client("lambda"), words[2].replace("-", "_"))(**arguments)


def advice(err: str) -> list[str]:
    lines = [line.removeprefix("faultlayer:").strip() for line in err.splitlines()]
    return [line for line in lines if line.startswith("aws ")]


def about(err: str, label: str) -> str:
    (line,) = [line for line in err.splitlines() if line.startswith(f"faultlayer: {label} ")]
    return line


@pytest.mark.parametrize(
    "typed",
    [["stop"], ["stop", "orders"], ["stop", "--detach"], ["detach", "orders"], ["status"],
     ["status", "orders"]],
)  # fmt: skip
def test_an_armed_version_behind_an_alias(
    aws: Aws, cli: Cli, publish: Any, typed: list[str]
) -> None:
    publish()
    publish(STATUS="503", STATUS_RATE="5%")
    aws.alias("orders", "live", "2")
    clean(aws)
    said = cli(*typed)
    assert said.code == 1, said
    line = about(said.err, "orders:2")
    assert "status=503 status_rate=5%" in line
    assert "without an end" in line
    assert "alias live (100%)" in line
    (command,) = advice(said.err)
    assert "--function-version 1" in command
    run(aws, command)
    said = cli(*typed)
    assert "no alias sends to it" in about(said.err, "orders:2")
    (command,) = advice(said.err)
    run(aws, command)
    said = cli(*typed)
    nothing = typed[0] == "stop"
    assert (said.code, advice(said.err)) == (4 if nothing else 0, [])


def test_what_stop_did_is_not_lost_over_it(aws: Aws, cli: Cli, publish: Any) -> None:
    publish(STATUS="503")
    said = cli("stop")
    assert said.code == 1
    assert aws.variables("orders")["FAULTLAYER_DISABLED"] == "true"
    assert "1 changed" in said.err
    assert "orders:1 is still armed" in said.err


def test_a_weighted_alias(aws: Aws, cli: Cli, publish: Any) -> None:
    publish()
    publish(STATUS="503")
    aws.alias("orders", "live", "1", v2=0.05)
    aws.alias("orders", "canary", "2", v1=0.25)
    said = cli("stop", "--json")
    assert said.code == 1
    (version,) = json.loads(said.out)["versions"]
    assert version["aliases"] == [
        {"name": "canary", "share": 0.75},
        {"name": "live", "share": 0.05},
    ]
    assert "canary (75%), live (5%)" in said.err
    for command in advice(said.err):
        run(aws, command)
    aliases = aws.client("lambda").list_aliases(FunctionName="orders")["Aliases"]
    assert [(a["FunctionVersion"], a["RoutingConfig"]) for a in aliases] == [
        ("1", {"AdditionalVersionWeights": {}})
    ] * 2


def test_several_functions_and_versions(aws: Aws, cli: Cli, publish: Any) -> None:
    for name in ("orders", "users"):
        publish(name, STATUS="503")
        publish(name, LATENCY="1s")
        publish(name)
    publish("idle", STATUS="503", DISABLED="true")
    aws.alias("users", "live", "1")
    aws.alias("users", "test", "3")
    aws.alias("idle", "live", "1")
    aws.front.page = 2
    for typed in (["stop"], ["stop", "users", "orders", "idle"]):
        with aws.front.recorded() as calls:
            said = cli(*typed, "--json")
        told = {(v["function"], v["version"]): v for v in json.loads(said.out)["versions"]}
        assert {key: v["state"] for key, v in told.items()} == {
            ("orders", "1"): "armed",
            ("orders", "2"): "armed",
            ("users", "1"): "armed",
            ("users", "2"): "armed",
            ("idle", "1"): "idle",
        }
        assert [a["name"] for a in told["users", "1"]["aliases"]] == ["live"]
        asked = {call.subject for call in calls if call.action == ALIASES}
        assert asked == {"orders", "users"}  # and nobody else


def test_the_calls_of_a_fleet_are_few(aws: Aws, make: Make, cli: Cli, publish: Any) -> None:
    """Versions come in one list of all functions, not by one call per function."""
    for number in range(20):
        make(f"other{number}")
    publish(STATUS="503")
    for typed in ("stop", "status"):
        with aws.front.recorded() as calls:
            assert cli(typed).code == 1
        actions = [call.action for call in calls]
        assert VERSIONS not in actions
        assert actions.count("lambda:ListFunctions") <= 2
        assert actions.count(ALIASES) == 1


@pytest.mark.parametrize(
    ("faults", "state"),
    [
        ({"STATUS": "503"}, "armed"),
        ({"STATUS": "503", "END": "2099-01-01T00:00:00Z"}, "armed"),
        ({"STATUS": "503", "START": "2099-01-01T00:00:00Z"}, "armed"),
        ({"STATUS": "503", "END": OVER}, "idle"),
        ({"STATUS": "503", "DISABLED": "true"}, "idle"),
        ({"STATUS": "503", "RATE": "0%"}, "idle"),
        ({"STATUS": "503", "DRY_RUN": "true"}, "dry run"),
        ({"STATUS": "503", "LATENCY": "nonsense"}, "armed"),
        ({"STATUS": "nonsense"}, "idle"),
        ({"STATUS": "503", "END": "nonsense"}, "idle"),
        ({"PLAN": ARMED}, "armed"),
        ({"PLAN": '{"faults":[{"fault":"status","code":500}],"end":"' + OVER + '"}'}, "idle"),
        ({"PLAN": "file:/var/task/plan.json"}, "not known"),
        ({"PLAN": "file:/var/task/plan.json", "END": OVER}, "idle"),
        ({"PLAN": "ssm:" + SSM, "STATUS": "503", "END": OVER}, "idle"),
        ({"PLAN": "ssm:" + SSM}, "live"),
    ],
)
def test_what_counts_as_armed(
    aws: Aws, cli: Cli, publish: Any, faults: dict[str, str], state: str
) -> None:
    publish(**faults)
    clean(aws)
    said = cli("status", "--json")
    (version,) = json.loads(said.out)["versions"]
    assert version["state"] == state
    assert said.code == (1 if state in ("armed", "not known") else 0)
    assert (version["until"] == faults.get("END")) or state != "armed"
    if state != "live":
        assert cli("stop").code == said.code


def test_variables_without_a_layer_hit_nobody(aws: Aws, make: Make, cli: Cli) -> None:
    make("orders", variables={"FAULTLAYER_STATUS": "503"})
    aws.publish("orders")
    clean(aws)
    assert cli("status").code == 0
    assert cli("stop").code == 4


def test_a_version_of_an_image(aws: Aws, make: Make, cli: Cli) -> None:
    make("orders", image=True, variables={"FAULTLAYER_STATUS": "503"})
    aws.publish("orders")
    said = cli("stop")
    assert said.code == 1
    assert "orders:1 is still armed" in said.err


# live plans


def test_a_version_with_a_live_plan_is_stopped_through_it(aws: Aws, cli: Cli, publish: Any) -> None:
    put(aws, ARMED)
    publish(PLAN="ssm:" + SSM)
    clean(aws)
    assert cli("status").code == 0  # `stop` reaches it
    said = cli("stop", "--json")
    assert said.code == 0, said
    assert parameter(aws) == DISARMED
    told = json.loads(said.out)
    assert told["sources"] == [{"source": f"ssm:{SSM}", "outcome": "disarmed"}]
    assert [version["state"] for version in told["versions"]] == ["idle"]
    assert cli("stop").code == 0


def test_a_live_plan_that_cannot_be_disarmed(aws: Aws, cli: Cli, publish: Any) -> None:
    put(aws, ARMED)
    publish(PLAN="ssm:" + SSM)
    clean(aws)
    aws.front.deny("ssm:PutParameter")
    said = cli("stop")
    assert said.code == 1
    assert "could not be disarmed" in about(said.err, "orders:1")
    assert f"faultlayer disarm --ssm {SSM}" in said.err


@pytest.mark.parametrize("command", ["stop", "detach"])
def test_named_functions_leave_the_plan_and_say_what_follows_it(
    aws: Aws, cli: Cli, publish: Any, command: str
) -> None:
    put(aws, ARMED)
    publish(PLAN="ssm:" + SSM)
    said = cli(command, "orders")
    assert said.code == 1
    assert "follows its live plan" in about(said.err, "orders:1")
    assert "end" not in about(said.err, "orders:1").partition("no alias")[0]  # the plan says it
    assert f"faultlayer disarm --ssm {SSM} --region eu-west-1" in said.err
    assert parameter(aws) == json.loads(ARMED)
    aws.front.deny("ssm:GetParameter")
    said = cli(command, "orders")
    assert said.code == 1
    assert "cannot be read" in about(said.err, "orders:1")
    aws.front.allow("ssm:GetParameter")
    cli("disarm", "--ssm", SSM)
    # After a detach there is nothing of ours in the function; its version is harmless.
    assert cli(command, "orders").code == 0


# which version to go to


def test_the_same_code_comes_before_a_newer_version(aws: Aws, cli: Cli, publish: Any) -> None:
    publish()
    publish(STATUS="503")
    aws.alias("orders", "live", "2")
    clean(aws)
    aws.client("lambda").update_function_code(FunctionName="orders", ZipFile=OTHER_CODE)
    assert aws.publish("orders") == "3"
    (command,) = advice(cli("stop").err)
    assert "--function-version 1" in command
    assert "the same code" in command


def test_without_one_a_new_version_is_published(aws: Aws, cli: Cli, publish: Any) -> None:
    publish(STATUS="503")
    aws.alias("orders", "live", "1")
    said = cli("stop")
    first, second = advice(said.err)
    assert first.startswith("aws lambda publish-version --function-name orders")
    assert "--function-version NEW" in second
    run(aws, first)
    run(aws, second.replace("NEW", "2"))
    assert "no alias sends to it" in about(cli("stop").err, "orders:1")


def test_other_code_is_told(aws: Aws, cli: Cli, publish: Any) -> None:
    publish()
    aws.client("lambda").update_function_code(FunctionName="orders", ZipFile=OTHER_CODE)
    publish(STATUS="503")
    aws.client("lambda").update_function_code(FunctionName="orders", ZipFile=CODE)
    aws.alias("orders", "live", "2")
    (command,) = advice(cli("stop").err)
    assert "--function-version 1" in command
    assert "OTHER CODE" in command


def test_the_profile_is_part_of_the_command(aws: Aws, cli: Cli, publish: Any) -> None:
    aws.config.write_text("[profile team]\nregion = eu-west-1\n")
    publish(STATUS="503")
    assert all("--profile team" in line for line in advice(cli("stop", "--profile", "team").err))


# what is not known


@pytest.mark.parametrize("typed", [["stop", "orders"], ["status", "orders"], ["detach", "orders"]])
@pytest.mark.parametrize("action", [VERSIONS, ALIASES])
def test_a_missing_permission_is_never_all_well(
    aws: Aws, cli: Cli, publish: Any, typed: list[str], action: str
) -> None:
    publish(STATUS="503")
    aws.front.deny(action)
    said = cli(*typed)
    assert said.code == 1
    (line,) = [line for line in said.lines if "is not known" in line and action in line]
    assert "orders" in line
    # Nobody is told that no alias sends to a version if that is not known.
    assert "no alias sends" not in said.err
    assert advice(said.err) == []
    if action == ALIASES:
        assert "which aliases send to it is not known" in about(said.err, "orders:1")
        (version,) = json.loads(cli(*typed, "--json").out)["versions"]
        assert version["aliases"] is None
    if typed[0] != "status":
        assert aws.variables("orders").get("FAULTLAYER_STATUS") != "503" or (
            aws.variables("orders")["FAULTLAYER_DISABLED"] == "true"
        )


def test_versions_that_cannot_be_listed_do_not_keep_stop_from_stopping(
    aws: Aws, cli: Cli, publish: Any
) -> None:
    publish(STATUS="503")
    # The first list (of the unpublished versions) is answered, the second one is not.
    aws.front.before("lambda:ListFunctions", lambda: aws.front.deny("lambda:ListFunctions"))
    said = cli("stop")
    assert said.code == 1
    assert aws.variables("orders")["FAULTLAYER_DISABLED"] == "true"
    assert "which published versions are armed in eu-west-1 is not known" in said.err


@pytest.mark.parametrize("typed", [["stop"], ["status"]])
def test_hidden_variables(
    aws: Aws, make: Make, cli: Cli, publish: Any, layer: str, typed: list[str]
) -> None:
    publish(STATUS="503")
    make("image", image=True)
    aws.publish("image")
    make("plain")
    clean(aws)
    for hidden in ("orders:1", "image", "image:1", "plain"):
        aws.front.hide_variables(hidden)
    said = cli(*typed)
    assert said.code == 1
    assert "may be armed: its variables cannot be read" in about(said.err, "orders:1")
    assert "not known whether the layer is in image: its variables cannot be read" in said.err
    assert "not known whether the layer is in image:1: its variables" in said.err
    assert "plain" not in said.err + said.out


def test_throttled_lists_are_asked_again(aws: Aws, cli: Cli, publish: Any) -> None:
    publish(STATUS="503")
    aws.front.throttle(VERSIONS, 3)
    aws.front.throttle(ALIASES, 3)
    said = cli("stop", "orders")
    assert "is not known" not in said.err
    assert "orders:1 is still armed" in said.err


# status


def test_status_shows_them(aws: Aws, cli: Cli, publish: Any) -> None:
    publish(STATUS="503")
    publish(STATUS="503", END=OVER)
    aws.alias("orders", "live", "1")
    clean(aws)
    said = cli("status")
    (row,) = [line for line in said.out.splitlines() if line.startswith("orders")]
    assert row.split()[:2] == ["orders:1", "armed"]
    assert "status=503" in row
    assert "alias live (100%)" in row
    assert "inject nothing: 1" in said.err


# attach


def test_attaching_says_what_a_version_would_keep(
    aws: Aws, make: Make, cli: Cli, layer: str
) -> None:
    make("orders")
    said = cli("attach", "orders", "--status", "503")
    (line,) = [line for line in said.lines if "a version that is published" in line]
    assert f"until {aws.variables('orders')['FAULTLAYER_END']}" in line
    said = cli("attach", "orders", "--status", "503", "--forever")
    (line,) = [line for line in said.lines if "a version that is published" in line]
    assert "for ever" in line
    assert said.code == 0  # nothing of it is published: nothing is asked
    assert "a version that is published" not in cli("attach", "orders").err


@pytest.mark.parametrize("alias", [True, False])
def test_forever_where_versions_are_published_asks(
    aws: Aws, make: Make, cli: Cli, layer: str, alias: bool
) -> None:
    make("orders")
    aws.publish("orders")
    if alias:
        aws.alias("orders", "live", "1")
    before = aws.configuration("orders")
    forever = ["attach", "orders", "--status", "503", "--forever"]
    for typed in (None, "", "no\n", "1\n"):
        said = cli(*forever, input=typed)
        assert said.code == 2, said
        assert "not confirmed; nothing was changed" in said.err
        assert ("alias live" in said.err) == alias
        assert aws.configuration("orders") == before
    assert cli(*forever, "--dry-run").code == 0
    assert cli("attach", "orders", "--status", "503", "--for", "1d").code == 0
    logged = cli("attach", "orders", "--status", "503", "--log-only", "--forever", "--yes")
    assert logged.code == 0
    assert cli("detach", "orders").code == 0
    assert cli(*forever, input="yes\n").code == 0
    assert cli("detach", "orders").code == 0
    assert cli(*forever, "--yes").code == 0
    assert cli(*forever).code == 0  # nothing is changed by it


def test_several_functions_are_asked_about_once(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    for name in ("a", "b", "c"):
        make(name)
    aws.publish("a")
    aws.alias("a", "live", "1")
    said = cli("attach", "a", "b", "c", "--status", "503", "--forever", input="3\n")
    assert said.code == 0
    (line,) = [line for line in said.lines if "have no end" in line]
    assert "a (alias live)" in line
    assert "b" not in line.partition("of a")[2].partition(":")[0]


def test_a_plan_in_the_package_may_have_no_end(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders")
    aws.publish("orders")
    aws.alias("orders", "live", "1")
    plan = ["attach", "orders", "--plan", "file:/var/task/plan.json"]
    assert cli(*plan).code == 2
    assert cli(*plan, "--for", "1h").code == 0


def test_forever_asks_if_it_cannot_look(aws: Aws, make: Make, cli: Cli, layer: str) -> None:
    make("orders")
    aws.front.deny(ALIASES)
    said = cli("attach", "orders", "--status", "503", "--forever")
    assert said.code == 2
    assert "it is not known whether it has aliases" in said.err


def test_a_plan_says_its_own_end(
    aws: Aws, make: Make, cli: Cli, layer: str, tmp_path: Path
) -> None:
    make("orders")
    plan = tmp_path / "plan.yaml"
    plan.write_text("faults: [{fault: status, code: 503}]\nend: 2099-01-31T17:00:00Z\n")
    said = cli("attach", "orders", "--plan", plan)
    (line,) = [line for line in said.lines if "a version that is published" in line]
    assert "until 2099-01-31T17:00:00Z" in line


# arm


def test_arm_names_the_versions_that_read_a_plan(aws: Aws, cli: Cli, publish: Any, tmp_path: Path):
    publish(PLAN="ssm:" + SSM)
    said = cli("arm", plan_file(tmp_path), "--ssm", SSM)
    assert f"1 function reads ssm:{SSM} in eu-west-1: orders, orders:1" in said.err
    clean(aws)
    said = cli("arm", plan_file(tmp_path), "--ssm", SSM, "--json")
    assert json.loads(said.out)["readers"] == ["orders:1"]


def test_an_interrupt_ends_the_listing_of_versions(
    aws: Aws, make: Make, publish: Any, command: Callable[..., subprocess.Popen[str]]
) -> None:
    """What was stopped is stopped, and what was not looked at is named."""
    for number in range(30):
        make(f"other{number}")
    publish(STATUS="503")
    aws.front.page = 1
    reached, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        go_on.wait(20)

    aws.front.before("lambda:UpdateFunctionConfiguration", hold)
    process = command("stop", "--json")
    assert reached.wait(30)
    process.send_signal(signal.SIGINT)
    go_on.set()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert json.loads(out)["functions"][0]["outcome"] == "changed"
    assert aws.variables("orders")["FAULTLAYER_DISABLED"] == "true"
    assert "is not known: interrupted" in err or "orders:1 is still armed" in err
    assert "Traceback" not in err
