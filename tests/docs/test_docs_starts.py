"""The starts in examples/iac, as far as they can be checked quickly; prove.py does the rest."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pages
import pytest
import templates
import yaml
from aws_commands import proven
from cfnlint.api import lint_all
from cfnlint.decode import cfn_yaml

from faultlayer.settings.variables import read_environment
from faultlayer_cli.layers import checkout

IAC = pages.ROOT / "examples" / "iac"
NAME_AND_VALUE = re.compile(
    r"""["']?(AWS_LAMBDA_EXEC_WRAPPER|FAULTLAYER_\w+)["']?\s*[:=,]\s*["']?([^"'\n]+)"""
)
STARTS = [
    "sam/template.yaml",
    "serverless/serverless.yml",
    "terraform/main.tf",
    "cdk-python/app.py",
    "cdk-typescript/app.ts",
]


@pytest.mark.parametrize("start", STARTS)
def test_a_start_sets_the_wrapper_the_fault_and_the_kill_switch(start):
    found = dict(NAME_AND_VALUE.findall((IAC / start).read_text()))
    wanted = templates.variables()
    assert found.keys() == wanted.keys()
    assert all(found[name] == wanted[name] for name in found if name != templates.DISABLED)


def test_the_extension_takes_the_variables_and_is_idle_until_told_otherwise():
    own = {k: v for k, v in templates.variables(disabled=False).items() if "FAULTLAYER" in k}
    armed = read_environment(own)
    assert armed.chooser is not None and not armed.problems
    idle = read_environment(own | {templates.DISABLED: "true"})
    assert idle.chooser is None and not idle.problems


def sam() -> str:
    return (IAC / "sam" / "template.yaml").read_text()


def test_the_sam_template_passes_the_linter(monkeypatch):
    monkeypatch.chdir(IAC / "sam")
    found = [str(each) for each in lint_all(sam()) if not each.rule.id.startswith("I")]
    assert found == []


def test_the_sam_template_puts_layer_and_variables_on_the_function():
    template = json.loads(json.dumps(cfn_yaml.loads(sam())))
    function = template["Resources"]["MyFunction"]["Properties"]
    assert function["Layers"] == [{"Ref": "FaultlayerArn"}]
    assert function["Environment"]["Variables"] == templates.variables() | {
        templates.DISABLED: {"Ref": "FaultlayerDisabled"}
    }
    assert template["Parameters"]["FaultlayerDisabled"]["Default"] == "true"


def test_the_serverless_file_puts_layer_and_variables_on_the_function():
    service = yaml.safe_load((IAC / "serverless" / "serverless.yml").read_text())
    function = service["functions"]["myFunction"]
    assert function["layers"] == ["${param:faultlayerArn}"]
    assert function["environment"] == templates.variables() | {
        templates.DISABLED: "${param:faultlayerDisabled, 'true'}"
    }


def test_the_cdk_apps_pin_one_version_of_the_library():
    package = json.loads((IAC / "cdk-typescript" / "package.json").read_text())
    python = (IAC / "cdk-python" / "requirements.txt").read_text().split()
    wanted = {f"{name}=={version}" for name, version in package["dependencies"].items()}
    assert set(python) == wanted
    ast.parse(pages.pasted(IAC / "cdk-python" / "app.py"))


def test_terraform_finds_nothing_to_format():
    terraform = shutil.which("terraform") or shutil.which("tofu")
    if terraform is None:
        pytest.skip("neither terraform nor tofu is here")
    command = [terraform, "fmt", "-check", "-diff", str(IAC / "terraform")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_shell_commands_give_the_layer_and_take_it_off_again(tmp_path):
    checkout.layer_zip("x86_64")
    stand_in = tmp_path / "bin" / "aws"
    stand_in.parent.mkdir()
    code = (Path(__file__).parent / "aws_stand_in.py").read_text()
    stand_in.write_text(code.replace("#!/usr/bin/env python3", f"#!{sys.executable}"))
    stand_in.chmod(0o755)
    proven(tmp_path, stand_in.parent, [{"STAGE": "test", "EMPTY": ""}])


def test_the_shell_scripts_are_sound():
    scripts = sorted((IAC / "aws-cli").glob("*.sh"))
    shellcheck = Path(sys.executable).with_name("shellcheck")
    subprocess.run([shellcheck, *scripts], check=True)
