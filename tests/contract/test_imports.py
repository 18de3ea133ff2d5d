"""What runs inside Lambda imports little, since every import is someone's cold start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXTENSION = Path(__file__).resolve().parents[2] / "extension"
MODULES = sorted(
    ".".join(path.relative_to(EXTENSION).with_suffix("").parts)
    for path in EXTENSION.rglob("*.py")
    if path.stem not in ("__init__", "main")
)
HEAVY = {"typing", "dataclasses", "enum", "re", "os", "json", "socket", "threading", "collections"}
HEAVY |= {"functools", "subprocess", "logging", "asyncio", "ssl", "random", "hashlib", "pathlib"}


def loaded_by(*modules: str) -> set[str]:
    """What is imported once these modules are, in an interpreter started as the layer's is."""
    script = f"import sys; sys.path.insert(0, {str(EXTENSION)!r})\n"
    script += "".join(f"import {module}\n" for module in modules)
    script += "print(*sys.modules)"
    out = subprocess.run(
        [sys.executable, "-ISB", "-c", script], capture_output=True, text=True, check=True
    ).stdout
    return set(out.split())


def test_no_module_imports_what_is_heavy() -> None:
    assert not loaded_by(*MODULES) & HEAVY - loaded_by("sys")


@pytest.mark.parametrize("module", MODULES)
def test_a_module_opens_with_what_it_is_for(module: str) -> None:
    text = (EXTENSION / (module.replace(".", "/") + ".py")).read_text()
    assert text.startswith('"""')
    assert "from __future__ import annotations" in text


# -- before registration ----------------------------------------------------------------------

# Each of these delays every cold start: Lambda starts the runtime once all extensions registered.
ALWAYS = """
main log jsontext
settings settings.variables settings.configuration settings.draft
values values.kinds vocabulary vocabulary.registry
startup startup.wrapper_file startup.extension_api
"""
RULES = """
targeting targeting.choose targeting.rules targeting.injection vocabulary.actions
faults startup.listener startup.relay
"""
MATCHING = "events events.match events.paths targeting.limits targeting.limit_file"
STARTS = "acting acting.cold_start"
PLANS = "settings.plan settings.rule_reader"
SOURCES = "settings.sources"
LATENCY = {"FAULTLAYER_LATENCY": "1s"}
MATCHED = {**LATENCY, "FAULTLAYER_LATENCY_MATCH": "a=b", "FAULTLAYER_LATENCY_MAX": "1"}
PLAN = {"FAULTLAYER_PLAN": '{"faults":[{"fault":"latency","delay":"1s"}]}'}

REGISTER = """
from faultlayer import main
class Registering:
    def __init__(self, host, port):
        pass
    def register(self):
        print(*sys.modules, flush=True)
        main._leave(0)
main.Extension = Registering
main.main()
"""


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, [ALWAYS]),
        (LATENCY, [ALWAYS, RULES, "faults.latency"]),
        (MATCHED, [ALWAYS, RULES, "faults.latency", MATCHING]),
        (PLAN, [ALWAYS, RULES, "faults.latency", PLANS]),
        ({"FAULTLAYER_INIT": "1s"}, [ALWAYS, RULES, STARTS, "faults.init values.error_message"]),
        (
            {"FAULTLAYER_PLAN": "ssm:/plan"},
            [ALWAYS, SOURCES, "settings.sources.ssm settings.sources.agent_address"]
            + ["startup.listener startup.relay startup.control_socket"],
        ),
        (
            {"FAULTLAYER_NETWORK": "1s"},
            [ALWAYS, RULES, "faults.network", "startup.control_socket"]
            + ["vocabulary.disturbances values.hosts"],
        ),
    ],
    ids=[
        "nothing",
        "a fault",
        "a match and a limit",
        "a plan",
        "a start",
        "a live plan",
        "connections",
    ],
)
def test_what_is_loaded_before_registration(
    variables: dict[str, str], expected: list[str], tmp_path: Path
) -> None:
    script = f"import sys; sys.path.insert(0, {str(EXTENSION)!r})\n" + REGISTER
    environ = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9", **variables}
    environ["_FAULTLAYER_ADDRESS"] = str(tmp_path / "address")
    out = subprocess.run(
        [sys.executable, "-ISB", "-c", script], env=environ, capture_output=True, text=True
    ).stdout
    loaded = {name for name in out.split() if name.startswith("faultlayer.")}
    assert loaded == {f"faultlayer.{name}" for names in expected for name in names.split()}
