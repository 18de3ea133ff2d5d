"""`faultlayer publish`: ARNs out, the same content once, and nothing done where it cannot be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from aws_support import Aws, Cli, archive, layer_zip

from faultlayer import __version__
from faultlayer_cli.aws import account as door
from faultlayer_cli.errors import Failure, Mistake
from faultlayer_cli.layers import checkout, versions

BOTH = ("x86_64", "arm64")


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout's dist folder with both layers, built."""
    for architecture in BOTH:
        (tmp_path / f"{architecture}.zip").write_bytes(layer_zip(architecture))
    monkeypatch.setattr(
        checkout, "layer_zip", lambda architecture, _: tmp_path / f"{architecture}.zip"
    )
    return tmp_path


def arn(architecture: str, number: int = 1, name: str = "faultlayer", region: str = "eu-west-1"):
    return f"arn:aws:lambda:{region}:123456789012:layer:{name}-{architecture}:{number}"


def there(aws: Aws, region: str = "eu-west-1") -> dict[str, int]:
    """The layers of the region, each with its newest version."""
    found = aws.client("lambda", region).list_layers()["Layers"]
    return {one["LayerName"]: one["LatestMatchingVersion"]["Version"] for one in found}


def test_both_layers(aws: Aws, cli: Cli, dist: Path):
    said = cli("publish")
    assert said.code == 0
    assert said.out.splitlines() == [f"x86_64 {arn('x86_64')}", f"arm64  {arn('arm64')}"]
    assert [line.split(" (")[0] for line in said.lines] == [
        f"faultlayer: publishing faultlayer-{each} to eu-west-1" for each in BOTH
    ]
    for each in BOTH:
        told = aws.client("lambda").get_layer_version(
            LayerName=f"faultlayer-{each}", VersionNumber=1
        )
        assert told["CompatibleArchitectures"] == [each]
        assert told["LicenseInfo"] == "Apache-2.0"
        assert f"faultlayer {__version__} {each} " in told["Description"]


def test_again_changes_nothing_and_says_the_same(aws: Aws, cli: Cli, dist: Path):
    first = cli("publish")
    again = cli("publish")
    assert (again.code, again.out) == (0, first.out)
    assert all("already, as version 1" in line for line in again.lines)
    assert there(aws) == {"faultlayer-x86_64": 1, "faultlayer-arm64": 1}


def test_changed_content_is_a_new_version(aws: Aws, cli: Cli, dist: Path):
    cli("publish")
    (dist / "arm64.zip").write_bytes(layer_zip("arm64", "2"))
    said = cli("publish")
    assert said.out.splitlines() == [f"x86_64 {arn('x86_64')}", f"arm64  {arn('arm64', 2)}"]


def test_older_content_is_found_again_and_the_newer_named(aws: Aws, cli: Cli, dist: Path):
    cli("publish", "--arch", "arm64")
    (dist / "arm64.zip").write_bytes(layer_zip("arm64", "2"))
    cli("publish", "--arch", "arm64")
    (dist / "arm64.zip").write_bytes(layer_zip("arm64"))
    said = cli("publish", "--arch", "arm64")
    assert said.out == f"arm64  {arn('arm64')}\n"
    assert "attach takes the newest, version 2" in said.lines[1]


def test_a_description_alone_is_not_believed(aws: Aws, cli: Cli, dist: Path):
    wanted = versions.package(dist / "arm64.zip")
    aws.client("lambda").publish_layer_version(
        LayerName="faultlayer-arm64",
        Description=wanted.description,
        Content={"ZipFile": layer_zip("arm64", "another")},
    )
    assert cli("publish", "--arch", "arm64").out == f"arm64  {arn('arm64', 2)}\n"


def test_older_versions_are_found_beyond_the_first_page(aws: Aws, cli: Cli, dist: Path):
    cli("publish", "--arch", "arm64")
    for number in range(3):
        aws.ours("arm64", str(number))
    aws.front.page = 2
    assert cli("publish", "--arch", "arm64").out == f"arm64  {arn('arm64')}\n"


def test_one_architecture(aws: Aws, cli: Cli, dist: Path):
    assert cli("publish", "--arch", "arm64").out == f"arm64  {arn('arm64')}\n"
    assert there(aws) == {"faultlayer-arm64": 1}


def test_another_name(aws: Aws, cli: Cli, dist: Path):
    said = cli("publish", "--arch", "x86_64", "--name", "faultlayer-team")
    assert said.out == f"x86_64 {arn('x86_64', name='faultlayer-team')}\n"


def test_credentials_are_tried_before_a_build(aws: Aws, cli: Cli, monkeypatch: pytest.MonkeyPatch):
    built: list[str] = []
    monkeypatch.setattr(checkout, "layer_zip", lambda *_: built.append("one"))
    aws.front.refuse("lambda:ListLayerVersions", 403, "ExpiredTokenException", "it expired", 1)
    said = cli("publish")
    assert (said.code, said.out, built) == (1, "", [])
    assert "ExpiredTokenException: it expired" in said.err
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    said = cli("publish")
    assert (said.code, built) == (2, [])
    assert "no AWS credentials were found" in said.err


def test_json(aws: Aws, cli: Cli, dist: Path):
    cli("publish", "--arch", "x86_64")
    told = json.loads(cli("publish", "--json").out)
    assert told["region"] == "eu-west-1"
    assert [(one["architecture"], one["arn"], one["new"]) for one in told["layers"]] == [
        ("x86_64", arn("x86_64"), False),
        ("arm64", arn("arm64"), True),
    ]
    found = aws.client("lambda").get_layer_version(LayerName="faultlayer-arm64", VersionNumber=1)
    assert told["layers"][1]["sha256"] == found["Content"]["CodeSha256"]


def test_another_region(aws: Aws, cli: Cli, dist: Path):
    said = cli("publish", "--arch", "arm64", "--region", "us-east-2")
    assert said.out == f"arm64  {arn('arm64', region='us-east-2')}\n"
    assert there(aws) == {}
    assert there(aws, "us-east-2") == {"faultlayer-arm64": 1}


def test_zips_from_elsewhere(aws: Aws, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checkout, "root", lambda: None)  # as installed from a package
    files = []
    for architecture in BOTH:
        files += ["--zip", tmp_path / f"{architecture}-of-ci.zip"]
        files[-1].write_bytes(layer_zip(architecture, version="0.2.0rc1"))
    said = cli("publish", *files)
    assert said.out.splitlines() == [f"x86_64 {arn('x86_64')}", f"arm64  {arn('arm64')}"]
    told = aws.client("lambda").get_layer_version(LayerName="faultlayer-arm64", VersionNumber=1)
    assert "faultlayer 0.2.0rc1 arm64 " in told["Description"]
    said = cli("publish")
    assert said.code == 1
    assert "--zip" in said.err


WRONG: dict[str, bytes | None] = {
    "missing": None,
    "empty": b"",
    "no zip": b"PK\x03\x04 and then nothing",
    "another zip": archive({"app.py": ""}),
    "no manifest": archive({"extensions/faultlayer": "", "faultlayer-wrapper": ""}),
    "broken manifest": archive(
        {"extensions/faultlayer": "", "faultlayer-wrapper": "", "faultlayer/manifest.json": "[1]"}
    ),
    "unknown architecture": layer_zip("riscv64"),
    "odd version": layer_zip("x86_64", version="1 sha256:0"),
    "broken inside": layer_zip().replace(b'"architecture"', b'"architektur" '),
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_a_wrong_zip(aws: Aws, cli: Cli, tmp_path: Path, content: bytes | None):
    path = tmp_path / "layer.zip"
    if content is not None:
        path.write_bytes(content)
    said = cli("publish", "--zip", path)
    assert (said.code, said.out) == (2, "")
    (line,) = said.lines
    assert str(path) in line
    assert aws.front.calls == []


def test_zips_that_do_not_fit_together(aws: Aws, cli: Cli, dist: Path):
    said = cli("publish", "--arch", "arm64", "--zip", dist / "x86_64.zip")
    assert said.code == 2
    assert "is for x86_64" in said.err
    said = cli("publish", "--zip", dist / "x86_64.zip", "--zip", dist / "x86_64.zip")
    assert said.code == 2
    assert "second layer for x86_64" in said.err
    assert aws.front.calls == []


@pytest.mark.parametrize(
    "name", ["", "chaos", "faultlayerx", "faultlayer-", "faultlayer team", "a:layer:faultlayer"]
    + ["faultlayer-" + "x" * 130],
)  # fmt: skip
def test_a_name_that_detach_would_not_know(aws: Aws, cli: Cli, dist: Path, name: str):
    said = cli("publish", "--name", name)
    assert (said.code, said.out, len(said.lines)) == (2, "", 1)
    assert "--name" in said.err
    assert aws.front.calls == []


def test_no_permission(aws: Aws, cli: Cli, dist: Path):
    aws.front.deny("lambda:PublishLayerVersion")
    said = cli("publish")
    assert (said.code, said.out) == (1, "")
    assert "AccessDeniedException" in said.lines[-1]
    assert "not authorized to perform: lambda:PublishLayerVersion" in said.lines[-1]
    assert there(aws) == {}


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_what_was_published_before_a_failure_is_told(
    aws: Aws, cli: Cli, dist: Path, form: list[str]
):
    aws.front.deny("lambda:PublishLayerVersion", "faultlayer-arm64")
    said = cli("publish", *form)
    assert said.code == 1
    assert arn("x86_64") in said.out
    assert "faultlayer-arm64" in said.lines[-1]


def test_the_real_layer(aws: Aws, cli: Cli):
    """The zip of this checkout is one that publish takes."""
    said = cli("publish", "--arch", "x86_64")
    assert said.out == f"x86_64 {arn('x86_64')}\n"


# what attach asks of layers


@pytest.fixture
def account(aws: Aws) -> door.Account:
    return door.open_account(None, None)


def test_the_newest_layer(aws: Aws, account: door.Account, cli: Cli, dist: Path):
    with pytest.raises(Mistake, match=r"no faultlayer-arm64 layer in eu-west-1; run: faultlayer"):
        versions.newest(account, "arm64")
    cli("publish")
    assert versions.newest(account, "arm64").arn == arn("arm64")
    assert versions.version_of(versions.newest(account, "arm64")) == __version__
    for number in range(2, 12):  # as a text, 9 comes after 10
        aws.ours("arm64", str(number))
    assert versions.newest(account, "arm64").arn == arn("arm64", 11)
    assert versions.version_of(versions.newest(account, "arm64")) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("faultlayer-arm64", "is not the ARN of a layer version; allowed: for example arn:"),
        ("arn:aws:lambda:eu-west-1:123456789012:layer:faultlayer-arm64", "is not the ARN of"),
        (arn("arm64", 0), "is not the ARN of a layer version"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:orders", "is not the ARN of"),
        (arn("arm64", region="us-east-1"), "allowed: --region us-east-1"),
        (arn("arm64", name="other"), "not a layer that detach would know"),
        (arn("x86_64"), "is for x86_64, and the function for arm64"),
        (arn("arm64", 9), "does not exist in eu-west-1"),
    ],
)
def test_a_layer_arn_that_does_not_do(aws: Aws, account: door.Account, text: str, told: str):
    aws.ours("arm64")
    with pytest.raises(Mistake) as caught:
        versions.chosen(account, text, "arm64")
    assert told in str(caught.value)
    assert text in str(caught.value)


def test_a_layer_arn_that_does(aws: Aws, account: door.Account):
    aws.ours("arm64")
    aws.ours("arm64", "2")
    assert versions.chosen(account, arn("arm64"), "arm64").arn == arn("arm64")


def test_building_is_asked_for_and_its_failure_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for part in ("extension/faultlayer", "layer", "wrapper"):
        (tmp_path / part).mkdir(parents=True)
    script = tmp_path / "build.sh"
    monkeypatch.setattr(checkout, "root", lambda: tmp_path)

    def builds(body: Mapping[str, str]) -> None:
        lines = [
            f"mkdir -p {Path(path).parent}; echo {text} > {path}" for path, text in body.items()
        ]
        script.write_text("\n".join(["#!/bin/sh", f"cd {tmp_path}", *lines]))
        script.chmod(0o755)

    script.write_text("#!/bin/sh\nexit 1\n")
    script.chmod(0o755)
    with pytest.raises(Failure, match="building the layer failed"):
        checkout.layer_zip("arm64")
    files = {"dist/arm64/extensions/faultlayer": "", "build/arm64.json": "{}"}
    builds(files | {"dist/faultlayer-arm64.zip": "first"})
    path = checkout.layer_zip("arm64")
    assert path.read_text() == "first\n"
    path.unlink()
    assert checkout.layer_zip("arm64").read_text() == "first\n"
