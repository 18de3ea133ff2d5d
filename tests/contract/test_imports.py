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


def test_configuring_loads_the_configured_fault_alone() -> None:
    faults = {module for module in MODULES if module.startswith("faultlayer.faults.")}
    assert not loaded_by("faultlayer.config") & faults


@pytest.mark.parametrize("module", MODULES)
def test_a_module_opens_with_what_it_promises(module: str) -> None:
    text = (EXTENSION / (module.replace(".", "/") + ".py")).read_text()
    assert text.startswith('"""')
    assert "from __future__ import annotations" in text
    assert len(text.splitlines()) <= 400
