"""`sam deploy` as far as it goes without an account: what is uploaded, and what it becomes.

moto takes the uploads and the transformed template over HTTP. It has no SAM transform of its own,
and drops a function's layers, so these are looked at in the template.
"""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from images.tree import folder
from sam.sam_cli import COMMAND, REGION, Sam

BUCKET = "artefacts"
MACHINES = {"x86_64": 62, "arm64": 183}  # e_machine of ELF files
FUNCTIONS = ["HelloPython", "HelloNode", "OrdersPython", "OrdersNode"]


@pytest.fixture(scope="module")
def aws():
    """Clients of a moto server, by the service's name; and its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"

    def client(service):
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        return boto3.client(service, endpoint_url=url, region_name=REGION, **keys)

    place = {"LocationConstraint": REGION}
    client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    yield client, url
    server.stop()


@pytest.fixture(scope="module")
def packaged(sam, built, aws, tmp_path_factory):
    """The template of `sam package`, transformed."""
    output = tmp_path_factory.mktemp("sam-package") / "packaged.yaml"
    uploading = Sam(sam.home, {"AWS_ENDPOINT_URL": aws[1]})
    where = ["--s3-bucket", BUCKET, "--output-template-file", output]
    said = uploading.run("package", "--template", built, *where)
    assert said.code == 0, said.log
    done = subprocess.run(
        [COMMAND.with_name("python"), "-I", Path(__file__).with_name("transform.py")],
        input=output.read_bytes(),
        env=uploading.environment(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def versions(template):
    """The layers' resources, by architecture; the transform renames them after their content."""
    return {
        resource["Properties"]["LayerName"]["Fn::Sub"].rpartition("-")[2]: (name, resource)
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Lambda::LayerVersion"
    }


@pytest.mark.parametrize("arch", MACHINES)
def test_a_layer_is_uploaded_as_it_was_built(packaged, aws, layers, arch):
    content = versions(packaged)[arch][1]["Properties"]["Content"]
    body = aws[0]("s3").get_object(Bucket=content["S3Bucket"], Key=content["S3Key"])["Body"].read()
    archive = zipfile.ZipFile(io.BytesIO(body))
    uploaded = {
        entry.filename: (entry.external_attr >> 16 & 0o777, archive.read(entry))
        for entry in archive.infolist()
        if not entry.is_dir()
    }
    tree = folder(layers[arch])
    assert uploaded == {path: (mode, file.read_bytes()) for path, (mode, file) in tree.items()}
    assert uploaded["extensions/faultlayer"][0] & 0o111
    assert uploaded["faultlayer-wrapper"][0] & 0o111
    python = uploaded["faultlayer/bin/python3"][1]
    assert int.from_bytes(python[18:20], "little") == MACHINES[arch]


def test_layers_go_with_the_stack_and_are_told_apart(packaged):
    found = versions(packaged)
    assert set(found) == set(MACHINES)
    for arch, (_, resource) in found.items():
        assert resource["DeletionPolicy"] == "Delete"
        assert resource["Properties"]["CompatibleArchitectures"] == [arch]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_architecture_selects_the_layer(packaged, function):
    properties = packaged["Resources"][function]["Properties"]
    assert properties["Architectures"] == [{"Ref": "Architecture"}]
    (choice,) = properties["Layers"]
    layers = {arch: {"Ref": name} for arch, (name, _) in versions(packaged).items()}
    assert choice == {"Fn::If": ["OnArm64", layers["arm64"], layers["x86_64"]]}


@pytest.mark.filterwarnings("ignore:Tried to parse AWS..ApiGatewayV2")
def test_the_stack_is_created_with_the_given_faults(packaged, aws):
    cloudformation, functions = aws[0]("cloudformation"), aws[0]("lambda")
    cloudformation.create_stack(
        StackName="examples",
        TemplateBody=json.dumps(packaged),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": "FaultLatency", "ParameterValue": "300ms"}],
    )
    (stack,) = cloudformation.describe_stacks(StackName="examples")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    created = functions.list_functions()["Functions"]
    assert len(created) == len(FUNCTIONS)
    for function in created:
        variables = function["Environment"]["Variables"]
        assert variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/faultlayer-wrapper"
        assert variables["FAULTLAYER_LATENCY"] == "300ms"
        assert variables["FAULTLAYER_STATUS"] == ""
