"""How the command finds its account, and what it says when it does not get through.

Exit code 2 for what the user can mend in what was typed or set, 1 for what AWS says; one line each.
"""

from __future__ import annotations

import http.server
import os
import socket
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aws_support import Aws, Cli, Make, layer_zip
from botocore.exceptions import ClientError
from strict import READ, UPDATE

from faultlayer_cli.aws import account as door
from faultlayer_cli.errors import Failure, Mistake


@pytest.fixture
def publish(cli: Cli, tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """`faultlayer publish` of a small layer: exit code, standard output, the one line of error."""
    path = tmp_path / "layer.zip"
    path.write_bytes(layer_zip("arm64"))

    def run(*arguments: str) -> tuple[int, str, str]:
        said = cli("publish", "--zip", path, *arguments)
        lines = [line for line in said.lines if not line.startswith("faultlayer: publishing ")]
        assert len(lines) == (said.code != 0), said.err
        return said.code, said.out, "".join(lines)

    return run


Publish = Callable[..., tuple[int, str, str]]


def region_of(out: str) -> str:
    return out.split(":")[3]


# where the account is found


@pytest.mark.parametrize(
    ("variables", "arguments", "found"),
    [
        ({"AWS_REGION": "eu-west-1"}, [], "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, [], "eu-west-2"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, [], "eu-west-1"),
        ({"AWS_REGION": "eu-west-1"}, ["--region", "us-east-1"], "us-east-1"),
        ({}, ["--profile", "team"], "eu-north-1"),
        ({"AWS_PROFILE": "team"}, [], "eu-north-1"),
        ({"AWS_REGION": ""}, ["--profile", "team"], "eu-north-1"),
        ({}, ["--profile", "team", "--region", "us-east-1"], "us-east-1"),
    ],
)
def test_regions(
    aws: Aws,
    publish: Publish,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    arguments: list[str],
    found: str,
):
    aws.config.write_text("[profile team]\nregion = eu-north-1\n")
    aws.credentials.write_text("[team]\naws_access_key_id = a\naws_secret_access_key = b\n")
    monkeypatch.delenv("AWS_REGION")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    code, out, _ = publish(*arguments)
    assert (code, region_of(out)) == (0, found)


def test_a_profiles_own_endpoint_and_credentials(
    aws: Aws, publish: Publish, monkeypatch: pytest.MonkeyPatch
):
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    aws.config.write_text(
        f"[profile team]\nregion = eu-west-1\nendpoint_url = {aws.front.url}\n"
        "aws_access_key_id = a\naws_secret_access_key = b\n"
    )
    assert publish("--profile", "team")[0] == 0


# what cannot be meant


def test_no_region(aws: Aws, publish: Publish, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_REGION")
    code, out, line = publish()
    assert (code, out) == (2, "")
    assert "no region is set; allowed: --region, AWS_REGION or a profile" in line
    assert aws.front.calls == []


def test_an_unknown_profile(aws: Aws, publish: Publish):
    code, out, line = publish("--profile", "nobody")
    assert (code, out) == (2, "")
    assert "profile (nobody) could not be found" in line
    assert aws.front.calls == []


def test_no_credentials(aws: Aws, publish: Publish, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, out, line = publish()
    assert (code, out) == (2, "")
    assert "no AWS credentials were found" in line
    assert aws.front.calls == []


def test_half_of_the_credentials(aws: Aws, publish: Publish, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, out, line = publish()
    assert (code, out) == (2, "")
    assert "AWS_SECRET_ACCESS_KEY" in line


def test_a_broken_configuration_file(aws: Aws, publish: Publish):
    aws.config.write_text("profile team\nregion =")
    code, out, line = publish()
    assert (code, out) == (2, "")
    assert str(aws.config) in line


def test_a_login_that_is_over(aws: Aws, publish: Publish):
    aws.config.write_text(
        "[profile sso]\nregion = eu-west-1\nsso_session = it\nsso_account_id = 123456789012\n"
        "sso_role_name = it\n[sso-session it]\nsso_region = eu-west-1\n"
        "sso_start_url = https://example.awsapps.com/start\n"
    )
    code, out, line = publish("--profile", "sso")
    assert (code, out) == (2, "")
    assert "aws sso login" in line


@pytest.mark.parametrize("region", ["eu west 1", "eu-west-1/x", "mars\n1"])
def test_what_is_no_region_at_all(aws: Aws, publish: Publish, region: str):
    code, out, line = publish("--region", region)
    assert (code, out) == (2, "")
    assert "allowed: for example us-east-1" in line
    assert aws.front.calls == []


def test_a_region_that_there_is_not(aws: Aws, publish: Publish, monkeypatch: pytest.MonkeyPatch):
    """As without AWS_ENDPOINT_URL: there is no such host."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://lambda.mars-1.invalid")
    code, out, line = publish("--region", "mars-1")
    assert (code, out) == (2, "")
    assert "mars-1 is not a region of AWS Lambda" in line


@pytest.mark.parametrize("url", ["nonsense", "http://", "127.0.0.1:4566"])
def test_an_endpoint_that_is_no_url(
    aws: Aws, publish: Publish, monkeypatch: pytest.MonkeyPatch, url: str
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    code, out, line = publish()
    assert (code, out) == (2, "")
    assert "AWS_ENDPOINT_URL" in line


# what AWS says, or does not


def test_nobody_listens(aws: Aws, publish: Publish, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    code, out, line = publish()
    assert (code, out) == (1, "")
    assert "cannot reach AWS in eu-west-1" in line
    assert url in line


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "ExpiredTokenException"),
        (403, "UnrecognizedClientException"),
        (403, "AccessDeniedException"),
        (400, "CodeStorageExceededException"),
    ],
)
def test_refusals(aws: Aws, publish: Publish, status: int, code: str):
    aws.front.refuse("lambda:PublishLayerVersion", status, code, "Why\nnot.", 99)
    exit_code, out, line = publish()
    assert (exit_code, out) == (1, "")
    assert f"PublishLayerVersion layer faultlayer-arm64: AWS answers {code}: Why not." in line


def test_an_error_of_awss_own_passes(aws: Aws, publish: Publish):
    aws.front.refuse("lambda:PublishLayerVersion", 500, "ServiceException", "oops", 2)
    aws.front.throttle("lambda:ListLayerVersions", 4)
    assert publish()[0] == 0


def test_throttling_without_an_end(aws: Aws, publish: Publish):
    aws.front.throttle("lambda:PublishLayerVersion", 99)
    code, out, line = publish()
    assert (code, out) == (1, "")
    assert "TooManyRequestsException" in line
    asked = [call for call in aws.front.calls if call.action == "lambda:PublishLayerVersion"]
    assert len(asked) <= 8


def test_answers_that_never_come(aws: Aws, publish: Publish):
    aws.front.lose_answer("lambda:PublishLayerVersion", 99)
    code, out, line = publish()
    assert (code, out) == (1, "")
    assert "may have done what was asked" in line


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        page = b"<html>Welcome</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    do_POST = do_PUT = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def website(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
        yield
        server.shutdown()


def test_something_else_answers(website: None, publish: Publish):
    code, out, line = publish()
    assert (code, out) == (1, "")
    assert "is not AWS" in line


# functions, seen through the door


@pytest.fixture
def account(aws: Aws) -> door.Account:
    return door.open_account(None, None)


def test_a_function_that_there_is_not(account: door.Account):
    with pytest.raises(Mistake) as caught:
        account.function("orders")
    assert str(caught.value) == "function orders does not exist in eu-west-1"


def test_a_function_as_aws_tells_it(aws: Aws, make: Make, account: door.Account):
    layers = (aws.layer("one"), aws.layer("two"))
    make("orders", "nodejs20.x", "arm64", layers=layers, variables={"B": "2", "A": ""})
    function = account.function("orders")
    assert (function.runtime, function.architecture, function.package) == (
        "nodejs20.x",
        "arm64",
        "Zip",
    )
    assert (function.layers, dict(function.variables)) == (layers, {"B": "2", "A": ""})
    assert function.settled
    assert account.function(function.arn) == function
    (listed,) = account.functions()
    assert (listed.layers, listed.revision) == (function.layers, function.revision)
    assert listed.state == ""


def test_all_functions_of_several_pages(aws: Aws, make: Make, account: door.Account):
    for number in range(5):
        make(f"orders{number}")
    aws.front.page = 2
    assert [function.name for function in account.functions()] == [f"orders{n}" for n in range(5)]


def test_an_update_changes_what_it_names_alone(aws: Aws, make: Make, account: door.Account):
    layer = aws.layer("one")
    make("orders", layers=[layer], variables={"A": "1"})
    before = account.function("orders")
    account.update("orders", before.revision, layers=None, variables={"A": "2"})
    assert (aws.layers("orders"), aws.variables("orders")) == ([layer], {"A": "2"})
    between = account.function("orders")
    account.update("orders", between.revision, layers=(), variables=None)
    assert (aws.layers("orders"), aws.variables("orders")) == ([], {"A": "2"})


def test_conflicts(aws: Aws, make: Make, account: door.Account):
    make("orders", variables={"A": "1"})
    before = account.function("orders")
    aws.front.before(UPDATE, lambda: aws.set_variables("orders", A="theirs"))
    with pytest.raises(door.Changed, match="someone else"):
        account.update("orders", before.revision, layers=None, variables={"A": "ours"})
    aws.front.busy("orders", 9)
    with pytest.raises(door.Busy):
        account.update("orders", "", layers=None, variables={"A": "ours"})
    assert aws.variables("orders") == {"A": "theirs"}


def test_values_of_variables_are_not_repeated(aws: Aws, make: Make, account: door.Account):
    make("orders")
    with pytest.raises(door.Refused) as caught:
        account.update("orders", "", layers=None, variables={"SECRET": "hunter2" * 999})
    assert "exceeded the 4KB limit" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    message = "1 validation error detected: Value '{A=hunter2' at 'x}' at 'environment.variables'"
    wrong = {"Error": {"Code": "ValidationException", "Message": message + " failed to satisfy"}}
    said = account._refusal(ClientError(wrong, "Update"), "update_function_configuration", {})
    assert str(said).endswith("detected: Value at 'environment.variables' failed to satisfy")


def test_a_layer_version_that_there_is_not(aws: Aws, make: Make, account: door.Account):
    make("orders")
    missing = "arn:aws:lambda:eu-west-1:123456789012:layer:faultlayer-arm64:7"
    with pytest.raises(Failure) as caught:
        account.update("orders", "", layers=(missing,), variables=None)
    assert missing in str(caught.value)


def test_no_layer_of_that_name(aws: Aws, account: door.Account):
    assert list(account.layer_versions("faultlayer-arm64")) == []
    aws.front.refuse("lambda:ListLayerVersions", 404, "ResourceNotFoundException", "none", 1)
    assert list(account.layer_versions("faultlayer-arm64")) == []


def test_a_function_that_may_not_be_read(aws: Aws, make: Make, account: door.Account):
    make("orders")
    aws.front.deny(READ, "orders")
    with pytest.raises(door.Refused, match="GetFunctionConfiguration function orders"):
        account.function("orders")


def test_tags_and_stacks(aws: Aws, make: Make, account: door.Account):
    make("orders", tags={"team": "shop", "stage": "test"})
    make("mails", tags={"team": "mail"})
    assert list(account.tagged("team", "shop")) == ["orders"]
    assert list(account.tagged("team", "none")) == []
    with pytest.raises(Mistake, match="stack shop does not exist in eu-west-1"):
        list(account.in_stack("shop"))
    template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    aws.client("cloudformation").create_stack(StackName="shop", TemplateBody=template)
    ((kind, _),) = account.in_stack("shop")
    assert kind == "AWS::SNS::Topic"
    with pytest.raises(Mistake, match="is not a name that AWS allows"):
        list(account.in_stack("\udcff"))
    aws.front.deny("tag:GetResources")
    with pytest.raises(door.Refused, match="^GetResources: AWS answers AccessDeniedException"):
        list(account.tagged("team", "shop"))
    aws.front.deny("cloudformation:ListStackResources")
    with pytest.raises(door.Refused, match="ListStackResources stack shop"):
        list(account.in_stack("shop"))


# as users start it


def test_the_command_itself(
    aws: Aws, command: Callable[..., subprocess.Popen[str]], tmp_path: Path
):
    path = tmp_path / "layer.zip"
    path.write_bytes(layer_zip("arm64"))
    process = command("publish", "--zip", path)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out.startswith("arm64  arn:aws:lambda:eu-west-1:")
    process = command("publish", "--zip", path, AWS_PROFILE="nobody")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert len(err.splitlines()) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_zip_that_may_not_be_read(aws: Aws, publish: Publish, tmp_path: Path):
    (tmp_path / "layer.zip").chmod(stat.S_IWUSR)
    code, out, line = publish()
    assert (code, out) == (2, "")
    assert "cannot read" in line
