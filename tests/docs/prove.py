"""The starts with the real tools, in temporary folders: run by hand, since they are large.

    .venv/bin/python tests/docs/prove.py [sam] [cdk-python] [cdk-typescript] [serverless] [aws-cli]

It needs node and npm, `make sam` for sam, and downloads 30 to 100 MB for each of the others.
Terraform's provider is no package that could be had here: see docs/start.md.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_commands
import pages
import templates

SAM = pages.ROOT / ".venv-sam" / "bin"
CDK = "aws-cdk@2.1148.1"
SERVERLESS = ("serverless@3.40.0", "osls@4.3.1")
QUIET = {
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "SAM_CLI_TELEMETRY": "0",
    "SLS_TELEMETRY_DISABLED": "1",
}
TRANSFORM = """
import json, sys
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse
template = yaml_parse(open(sys.argv[1]).read())
template["Resources"]["MyFunction"]["Properties"]["CodeUri"] = "s3://bucket/key"
class Policies:
    def load(self): return {}
print(json.dumps(transform(template, json.loads(sys.argv[2]), Policies())))
"""


def run(*command: str | Path, cwd: Path, path: Path | None = None) -> str:
    """What the command prints, with `path` first on PATH."""
    paths = [str(path)] * bool(path) + [os.environ["PATH"]]
    environment = {**os.environ, **QUIET, "PATH": os.pathsep.join(paths)}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode:
        sys.exit(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def npm(folder: Path, *packages: str) -> Path:
    """Installs these, or what package.json says; the folder of their commands."""
    run("npm", "install", "--no-audit", "--no-fund", "--no-save", *packages, cwd=folder)
    return folder / "node_modules" / ".bin"


def pip(folder: Path, *arguments: str) -> Path:
    venv.create(folder, with_pip=True)
    run(folder / "bin" / "pip", "install", "--quiet", *arguments, cwd=folder)
    return folder / "bin"


def sam(iac: Path) -> None:
    folder = iac / "sam"
    run(SAM / "sam", "validate", "--lint", "--region", "eu-west-1", cwd=folder)
    run(SAM / "sam", "build", cwd=folder)
    for disabled in (True, False):
        given = {
            "FaultlayerArn": templates.LAYER,
            "FaultlayerDisabled": str(disabled).lower(),
        }
        made = run(SAM / "python", "-c", TRANSFORM, "template.yaml", json.dumps(given), cwd=folder)
        templates.proven(resolved(json.loads(made), given), disabled=disabled)


def resolved(template: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    """The function's properties with these parameters in their places."""

    def fill(value: Any) -> Any:
        if isinstance(value, list):
            return [fill(each) for each in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Ref"} and value["Ref"] in given:
            return given[value["Ref"]]
        return {key: fill(each) for key, each in value.items()}

    return templates.function(fill(template))


def synthesized(folder: Path, path: Path) -> None:
    """Synthesizes idle, armed and without the layer, and looks at each."""
    layer = ("-c", f"faultlayerArn={templates.LAYER}")
    for number, context in enumerate((layer, (*layer, "-c", "faultlayerDisabled=false"), ())):
        run("cdk", "synth", "--quiet", "-o", "out", *context, cwd=folder, path=path)
        template = json.loads((folder / "out" / "MyStack.template.json").read_text())
        function = templates.function(template)
        if context:
            templates.proven(function, disabled=number == 0)
        else:
            assert not {"Layers", "Environment"} & set(function)
        shutil.rmtree(folder / "out")


def cdk_python(iac: Path) -> None:
    folder = iac / "cdk-python"
    python = pip(iac / "venv", "-r", str(folder / "requirements.txt"))
    for command in npm(folder, CDK).iterdir():
        (python / command.name).symlink_to(command.resolve())
    synthesized(folder, python)


def cdk_typescript(iac: Path) -> None:
    folder = iac / "cdk-typescript"
    commands = npm(folder)
    run("tsc", "--project", ".", cwd=folder, path=commands)
    synthesized(folder, commands)


def serverless(iac: Path) -> None:
    for package in SERVERLESS:
        folder = iac / package
        shutil.copytree(iac / "serverless", folder)
        (iac / f"npm-{package}").mkdir()
        command = npm(iac / f"npm-{package}", package) / package.partition("@")[0]
        for disabled in (True, False):
            given = [f"--param=faultlayerArn={templates.LAYER}"]
            given += ["--param=faultlayerDisabled=false"] * (not disabled)
            run(command, "package", *given, cwd=folder)
            made = folder / ".serverless" / "cloudformation-template-update-stack.json"
            function = templates.function(json.loads(made.read_text()))
            templates.proven(function, disabled=disabled)


def aws_cli(iac: Path) -> None:
    commands = pip(iac / "venv-aws", "awscli==1.46.3")
    aws_commands.proven(iac, commands, [{}, {"STAGE": "test", "EMPTY": ""}])


CHECKS: dict[str, Callable[[Path], None]] = {
    "sam": sam,
    "cdk-python": cdk_python,
    "cdk-typescript": cdk_typescript,
    "serverless": serverless,
    "aws-cli": aws_cli,
}

if __name__ == "__main__":
    for _name in sys.argv[1:] or CHECKS:
        with tempfile.TemporaryDirectory() as _folder:
            _examples = shutil.copytree(pages.ROOT / "examples" / "iac", Path(_folder, "a", "iac"))
            shutil.copytree(pages.ROOT / "examples" / "hello", Path(_folder, "a", "hello"))
            CHECKS[_name](_examples)
        print(f"{_name}: as docs/start.md says", flush=True)
