"""The release workflow: it calls what exists, pins what it uses, and may write only to publish."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from release_support import ROOT

TEXT = (ROOT / ".github/workflows/release.yml").read_text()
WORKFLOW: dict[Any, Any] = yaml.safe_load(TEXT)
JOBS = WORKFLOW["jobs"]


def steps() -> Iterator[dict[str, Any]]:
    for job in JOBS.values():
        yield from job["steps"]


def commands(job: str) -> str:
    return "\n".join(step.get("run", "") for step in JOBS[job]["steps"])


def test_every_action_is_pinned_by_its_commit():
    used = re.findall(r"uses: (\S+)(.*)", TEXT)
    assert len(used) == sum("uses" in step for step in steps()) > 0
    for action, comment in used:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action)
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment)


def test_it_calls_targets_and_files_that_exist():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    called = re.findall(r"^make ([a-z-]+)", "\n".join(map(commands, JOBS)), re.MULTILINE)
    assert "dist" in called
    assert set(called) <= set(targets)
    assert commands("test").splitlines()[-1] == ".ci/run"
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


def test_only_the_job_that_publishes_may_write():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    writers = [name for name, job in JOBS.items() if "permissions" in job]
    assert writers == ["publish"]


def test_nothing_is_published_untested():
    assert set(JOBS["publish"]["needs"]) == set(JOBS) - {"publish"}
    assert JOBS["publish"]["if"] == "github.ref_type == 'tag'"
    assert WORKFLOW[True]["push"] == {"tags": ["v*"]}  # YAML reads the key `on` as true


def test_the_wheel_is_tried_on_every_python_that_it_names():
    project = (ROOT / "pyproject.toml").read_text()
    named = set(re.findall(r"Python :: (3\.\d+)", project))
    assert named <= set(JOBS["install"]["strategy"]["matrix"]["python"])


@pytest.mark.parametrize("step", [step["run"] for step in steps() if "run" in step])
def test_no_value_from_outside_becomes_part_of_a_script(step: str):
    assert "${{" not in step
