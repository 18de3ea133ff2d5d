"""What a user types wrong: exit code 2, one line that says so, and nothing started."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from cli_support import HELLO, Command

from faultlayer_cli.commands import local
from faultlayer_cli.running.local_function import Runtime

NOISE = "\x01\u00e9" * 2048


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "DIR"),
        ([HELLO / "nowhere"], "nowhere"),
        ([HELLO / "app.py"], "app.py"),
        ([HELLO, "--handler", "app"], "--handler"),
        ([HELLO, "--handler", "other.handler"], "--handler"),
        ([HELLO, "--latency", "soon"], "--latency"),
        ([HELLO, "--latency", "1h"], "--latency"),
        ([HELLO, "--latency"], "--latency"),
        ([HELLO, "--latency", NOISE], "--latency"),
        ([HELLO, "--latencyy", "1s"], "--latencyy"),
        ([HELLO, "--status", "999"], "--status"),
        ([HELLO, "--status", "503", "--status-when", "later"], "--status-when"),
        ([HELLO, "--latency", "1s", "--latency-rate", "120%"], "--latency-rate"),
        ([HELLO, "--rate", "-1"], "--rate"),
        ([HELLO, "--exception", ""], "--exception"),
        ([HELLO, "--headers", "[]"], "--headers"),
        ([HELLO, "--proxy-port", "0"], "--proxy-port"),
        ([HELLO, "--function-timeout", "0"], "--function-timeout"),
        ([HELLO, "--function-timeout", "1.5"], "--function-timeout"),
        ([HELLO, "--function-memory", "64"], "--function-memory"),
        ([HELLO, "--function-storage", "64"], "--function-storage"),
        ([HELLO, "--function-storage", "1GB"], "--function-storage"),
        ([HELLO, "--function-env", "=x"], "--function-env"),
        ([HELLO, "--env-file", HELLO / "nothing.env"], "nothing.env cannot be read"),
        ([HELLO, "--env-file", HELLO / "app.py"], "app.py line 1 is not NAME=VALUE"),
        ([HELLO, "--function-env", "1A=b"], "--function-env"),
        ([HELLO, "--function-env", "FAULTLAYER_STATUS=x"], "FAULTLAYER_STATUS"),
        ([HELLO, "--network", "1s", "--network-hosts", "*.*.."], "--network-hosts"),
        ([HELLO, "--connect", "refuse", "--connect-hosts", "10.0.0.0/33"], "--connect-hosts"),
        ([HELLO, "--dns", "nxdomain", "--dns-hosts", "/[/"], "--dns-hosts"),
        ([HELLO, "--tls", "garbage", "--tls-hosts", "https://a.test"], "is a URL"),
        ([HELLO, "--reset", "0", "--reset-hosts", "a.test:0"], "--reset-hosts"),
        ([HELLO, "--bandwidth", "0"], "--bandwidth"),
        ([HELLO, "--observe", "s3"], "--observe"),
        ([HELLO, "--add-host", "db.example.com"], "--add-host db.example.com has no address"),
        ([HELLO, "--listen", "70000"], "--listen"),
        ([HELLO, "--invoke", HELLO / "nothing.json"], "--invoke"),
        ([HELLO, "--invoke", HELLO / "app.py"], "--invoke"),
        ([HELLO, "--layer", HELLO], "--layer"),
        ([HELLO, "--image", ""], "--image"),
        ([HELLO, "--image", "two words"], "--image"),
        ([HELLO, "--image", NOISE], "--image"),
        ([HELLO, "--image", "lambda/python:3.11", "--handler", "other.handler"], "--handler"),
        ([HELLO, "--image", "lambda/nodejs:22", "--handler", ""], "--handler"),
        ([HELLO, "--docker", "--handler", "other.handler"], "--handler"),
        ([HELLO, "more"], "more"),
        (["/"], "/ is the running system"),
        (["/var/run", "--image", "lambda/nodejs:22"], "/var/run is the running system"),
        (["/sys/kernel", "--docker"], "/sys/kernel is the running system"),
    ],
)
def test_one_line_names_what_is_wrong(typed: Command, arguments: list[object], named: str):
    said = typed("local", *arguments)
    assert said.code == 2
    assert said.run is None
    assert said.out == ""
    (line,) = said.lines
    assert line.startswith("faultlayer: ")
    assert named in line
    assert len(line) < 1000


def test_an_end_in_the_past_is_refused_where_it_is_typed(
    typed: Command, monkeypatch: pytest.MonkeyPatch
):
    past = "2020-01-01T00:00:00Z"
    for flag in ("--until", "--end"):
        said = typed("local", HELLO, "--status", "503", flag, past)
        assert said.code == 2
        assert said.lines == [
            "faultlayer: --until is over already; allowed: a time that is to come"
        ]
    named = "faultlayer: FAULTLAYER_END is over already; allowed: a time that is to come"
    assert typed("local", HELLO, "--function-env", f"FAULTLAYER_END={past}").lines == [named]
    monkeypatch.setenv("FAULTLAYER_END", past)
    assert typed("local", HELLO, "--status", "503").lines == [named]


def test_what_has_no_effect_is_a_warning(typed: Command):
    said = typed("local", HELLO, "--status", "503", "--match", '{"headers.n":5}')
    assert said.run is not None
    (line,) = said.lines
    assert line.startswith("faultlayer: warning: --match can never hold: headers.n is text")


def test_an_unknown_command(typed: Command):
    said = typed("lokal")
    assert said.code == 2
    assert len(said.lines) == 1


def test_no_command_at_all_shows_the_help(typed: Command):
    said = typed()
    assert said.code == 2
    assert "Usage:" in said.err


def test_a_port_that_is_taken(typed: Command):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        said = typed("local", HELLO, "--listen", port)
    assert said.code == 2
    assert "is taken" in said.lines[0]


def test_the_default_port_gives_way(typed: Command, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        taken = sock.getsockname()[1]
        monkeypatch.setattr(local, "PORT", taken)
        said = typed("local", HELLO)
    assert said.run is not None
    assert said.run.port not in (taken, 0)


def test_a_handler_in_a_package(typed: Command, tmp_path: Path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "orders.py").write_text("def place(event, context): ...")
    assert typed("local", tmp_path, "--handler", "shop.orders.place").code == 0
    assert typed("local", tmp_path, "--handler", "shop/orders.place").code == 0


def test_other_runtimes_name_their_handlers_as_they_like(typed: Command):
    for image in ("public.ecr.aws/lambda/nodejs:22", "localhost:5000/mine", "sha256:" + "a" * 64):
        said = typed("local", HELLO, "--image", image, "--handler", "com.example.App::run")
        assert said.code == 0, said.err
        assert said.run is not None
        assert (said.run.docker, said.run.image) == (True, image)


@pytest.mark.parametrize(
    ("image", "runtime"),
    [
        ("public.ecr.aws/lambda/python:3.12", Runtime.PYTHON),
        ("python3.11", Runtime.PYTHON),
        ("lambda/nodejs:22-arm64", Runtime.NODE),
        ("java/mine", None),
        ("lambda/java:21", Runtime.JAVA),
        ("my-javascript:1", None),
    ],
)
def test_an_image_has_a_runtime_by_its_name(image: str, runtime: Runtime | None):
    assert local.runtime_of(image) is runtime


def test_the_handler_in_an_image_of_a_known_runtime_is_found(typed: Command, tmp_path: Path):
    (tmp_path / "index.mjs").write_text("export const handler = 1;")
    said = typed("local", tmp_path, "--image", "public.ecr.aws/lambda/nodejs:22")
    assert said.run is not None, said.err
    assert said.run.function.handler == "index.handler"
    for more in (["--docker"], []):
        run = typed("local", tmp_path, *more).run
        assert run is not None
        assert (run.image, run.docker) == ("public.ecr.aws/lambda/nodejs:22", bool(more))
    assert typed("local", tmp_path, "--image", "lambda/java:21").code == 2
    other = typed("local", tmp_path, "--image", "mine").run
    assert other is not None
    assert other.function.handler == "app.handler"


@pytest.mark.parametrize("way", ["variable", "--function-env", "--plan"])
def test_a_plan_file_that_the_function_does_not_see(
    typed: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
):
    plan = tmp_path / "plan.json"
    plan.write_text("{}")
    arguments = {"--function-env": [f"FAULTLAYER_PLAN=file:{plan}"], "--plan": [f"file:{plan}"]}
    if way == "variable":
        monkeypatch.setenv("FAULTLAYER_PLAN", f"file:{plan}")
    said = typed("local", HELLO, *([way, *arguments[way]] if way in arguments else []))
    assert (said.code, said.run) == (2, None)
    (line,) = said.lines
    assert f"FAULTLAYER_PLAN names {plan}" in line
    assert "file:/var/task/" in line


def test_a_plan_file_in_the_functions_folder(typed: Command):
    said = typed("local", HELLO, "--plan", "file:/var/task/plan.json")
    assert said.run is not None, said.err
