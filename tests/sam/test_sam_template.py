"""template.yaml as the linters see it, and what its parameters are to the layer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from faultlayer.faults import fault_names
from faultlayer.settings.variables import read_environment
from faultlayer.vocabulary.registry import PREFIX
from sam import sam_cli


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms; `!Ref Name` is "Ref Name"."""


def _short(loader, suffix, tag):
    return f"{suffix} {tag.value}"


Loader.add_multi_constructor("!", _short)


@pytest.fixture(scope="module")
def template():
    return yaml.load(sam_cli.TEMPLATE.read_text(), Loader)


@pytest.fixture(scope="module")
def variables(template):
    """A function's variables with the parameters' defaults, or these."""
    wired = template["Globals"]["Function"]["Environment"]["Variables"]
    defaults = {name: entry["Default"] for name, entry in template["Parameters"].items()}

    def variables(**given):
        values = defaults | given
        return {name: values.get(text.removeprefix("Ref "), text) for name, text in wired.items()}

    return variables


def test_sam_validates_it(sam):
    said = sam.run("validate", "--lint", "--template", sam_cli.TEMPLATE)
    assert said.code == 0, said.out + said.log


def test_cfn_lint_has_nothing_to_say():
    command = [Path(sys.executable).with_name("cfn-lint"), sam_cli.TEMPLATE]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_with_the_defaults_nothing_is_wrong_and_nothing_is_injected(variables):
    settings = read_environment(variables())
    assert [problem.variable for problem in settings.problems] == []
    assert settings.chooser is None


def test_every_fault_has_a_parameter(template):
    assert {f"Fault{name.capitalize()}" for name in fault_names()} <= set(template["Parameters"])


def test_every_parameter_is_passed_on(template, variables):
    given = {name: f"<{name}>" for name in template["Parameters"] if name.startswith("Fault")}
    passed = {name: text for name, text in variables(**given).items() if name.startswith(PREFIX)}
    assert set(passed.values()) == set(given.values())


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("FaultEnv", '{"TABLE_NAME":null}'),
        ("FaultInit", "error"),
        ("FaultLatency", "300ms"),
        ("FaultTimeout", "500ms"),
        ("FaultDns", "nxdomain"),
        ("FaultConnect", "refuse"),
        ("FaultNetwork", "300ms"),
        ("FaultBandwidth", "64KB"),
        ("FaultReset", "0"),
        ("FaultTls", "handshake"),
        ("FaultEvent", '{"detail.id":null}'),
        ("FaultDuplicate", "2"),
        ("FaultDisk", "free:10MB"),
        ("FaultMemory", "64MB"),
        ("FaultCpu", "1"),
        ("FaultCrash", "during"),
        ("FaultException", "ValueError: no such order"),
        ("FaultStatus", "503"),
        ("FaultCorruption", "garble"),
        ("FaultHeaders", '{"x":null}'),
        ("FaultBatch", "20%"),
        ("FaultOversize", "7MB"),
    ],
)
def test_one_parameter_is_one_fault(variables, parameter, value):
    settings = read_environment(variables(**{parameter: value}))
    assert [problem.variable for problem in settings.problems] == []
    assert settings.chooser is not None
    rules = settings.chooser.rules + settings.chooser.starts
    assert [rule.fault.name for rule in rules] == [parameter[len("Fault") :].lower()]


@pytest.mark.parametrize("limit", [{"FaultDisabled": "true"}, {"FaultRate": "0%"}])
def test_the_stop_button_stops(variables, limit):
    assert read_environment(variables(FaultStatus="503", **limit)).chooser is None
