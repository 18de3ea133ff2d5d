"""Plans in YAML and JSON files: what is loaded is what the extension reads, value for value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_support import HELLO, Command
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.settings import plan as reader
from faultlayer_cli.errors import Mistake
from faultlayer_cli.plans.files import load, loads

YAML = """\
# the first Tuesday of the month
faults:
  - fault: latency
    delay: 100ms..400ms
    rate: 20%
    match:
      requestContext.http.method: GET
      headers.x-chaos: {exists: true}
      country: NO
      day: 2027-01-31
      number: 1:30
      list: {in: [5, "5", 5.5, null, true, ~]}
  - fault: status
    code: 503
    headers: {retry-after: 5}
seed: 7
end: 2027-01-31T17:00:00Z
"""
DOCUMENT = {
    "faults": [
        {
            "fault": "latency",
            "delay": "100ms..400ms",
            "rate": "20%",
            "match": {
                "requestContext.http.method": "GET",
                "headers.x-chaos": {"exists": True},
                "country": "NO",
                "day": "2027-01-31",
                "number": "1:30",
                "list": {"in": [5, "5", 5.5, None, True, None]},
            },
        },
        {"fault": "status", "code": 503, "headers": {"retry-after": 5}},
    ],
    "seed": 7,
    "end": "2027-01-31T17:00:00Z",
}


def refusal(text: str, name: str = "plan.yaml") -> list[str]:
    with pytest.raises(Mistake) as caught:
        loads(text, name)
    return str(caught.value).splitlines()


def test_yaml_is_what_it_looks_like(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(YAML)
    plan = load(str(path))
    assert plan.document == DOCUMENT
    assert plan.faults == ("latency", "status")
    assert json.loads(plan.compact()) == DOCUMENT
    assert not reader.read(plan.compact()).problems
    assert ": " not in plan.compact()


@pytest.mark.parametrize("name", ["plan.json", "plan.yaml", "plan"])
def test_json_is_as_good(name: str) -> None:
    document = {"$schema": "https://example.com/s", **DOCUMENT, "seed": "\U0001f600 /\t"}
    plan = loads(json.dumps(document, indent=1), name)
    assert plan.document == document
    assert "$schema" not in plan.compact()
    assert json.loads(plan.compact())["seed"] == document["seed"]


def test_every_problem_is_a_line() -> None:
    lines = refusal(
        "faults:\n- fault: latency\n  delay: soon\n  wehn: after\n- fault: statuss\n"
        "- {fault: status, code: 503, code: 504}\nrates: 5\nend: 2027-01-31\n"
    )
    assert [line.partition(" ")[2].partition(" ")[0] for line in lines] == [
        "faults[0].delay",
        "faults[0].wehn",
        "faults[1].fault",
        "faults[2].code",
        "rates",
        "end",
    ]
    assert all(line.startswith("plan.yaml: ") for line in lines)
    assert lines[0].startswith("plan.yaml: faults[0].delay is not a duration; allowed: a duration")
    assert "did you mean when?" in lines[1]
    assert "did you mean status?" in lines[2]
    assert "more than once" in lines[3]
    assert "did you mean rate?" in lines[4]
    assert "nothing is injected" not in "".join(lines)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a JSON object; allowed: a JSON object of faults, "),
        ("hello", "is not a JSON object"),
        ("- a", "is not a JSON object"),
        ("a: [", "is not one YAML document: line 1, column 5"),
        ("a: b: c", "is not one YAML document: line 1, column 5"),
        ("seed: 7\n---\nseed: 8", "is not one YAML document: line 2, column 1"),
        ("seed: !!binary aGk=", "has a value that JSON does not have: line 1, column 7"),
        ("seed: !mine x", "has a value that JSON does not have: line 1, column 7"),
        ("seed: !!python/object/apply:os.getcwd []", "has a value"),
        ("? [a]\n: b", "has a key that is no text: line 1, column 3"),
        ("a: &a [*a]", "too deeply"),
        ("seed: *b", "is not one YAML document"),
        ("seed: \x01", "does not allow"),
        ("[" * 100_000, "too deeply"),
        ("seed: " + "9" * 5000, "has a value"),
        ("seed: {<<: {a: 1}}", "seed is not text"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_plan(text: str, said: str) -> None:
    (line,) = refusal(text)
    assert said in line


def test_aliases_are_counted_each_time() -> None:
    text = "a0: &a0 [1,1,1,1,1,1,1,1,1]\n"
    text += "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    (line,) = refusal(text)
    assert "too large" in line


def test_an_alias_is_what_it_refers_to() -> None:
    plan = loads(
        "faults:\n- {fault: latency, delay: 1s, match: &m {a: 1}}\n"
        "- {fault: latency, delay: 2s, match: *m}\n",
        "plan.yaml",
    )
    assert [rule["match"] for rule in plan.document["faults"]] == [{"a": 1}] * 2


def test_json_that_is_none() -> None:
    assert refusal("seed: 7", "plan.json") == [
        "plan.json: is not JSON: line 1, column 1: expecting value"
    ]
    assert refusal('{"seed":7,"seed":8}', "plan.json")[0].startswith("plan.json: seed is given")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for name in (str(tmp_path), str(tmp_path / "none.yaml"), "nul\0"):
        with pytest.raises(Mistake, match="cannot be read"):
            load(name)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8),
)


@given(st.dictionaries(st.text("abcé.- 0:#", min_size=1, max_size=4), SCALARS, max_size=4))
def test_what_pyyaml_writes_is_read_as_it_was(values: dict[str, Any]) -> None:
    """Which quotes what YAML 1.1 would take for something else."""
    document = {"faults": [{"fault": "latency", "delay": "1s", "match": {"a": 1, **values}}]}
    found = reader.read(document)
    if found.problems:
        return
    written = yaml.safe_dump(document, allow_unicode=True)
    assert loads(written, "plan.yaml").document == document


# -- the flag ---------------------------------------------------------------------------------


def test_the_flag_takes_a_file(typed: Command, tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(YAML)
    said = typed("local", HELLO, "--plan", path)
    assert (said.code, said.err) == (0, "")
    assert said.run is not None
    assert json.loads(said.run.function.env["FAULTLAYER_PLAN"]) == DOCUMENT


@pytest.mark.parametrize("value", ['{"seed":7}', "file:/var/task/plan.json"])
def test_the_flag_takes_what_the_variable_takes(typed: Command, value: str) -> None:
    said = typed("local", HELLO, "--plan", value)
    assert (said.code, said.err) == (0, "")
    assert said.run is not None
    assert said.run.function.env["FAULTLAYER_PLAN"] == value


def test_a_mistake_in_the_plan_is_told_with_its_field(typed: Command, tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("faults:\n- fault: latency\n  delay: soon\n  rate: 2\n")
    said = typed("local", HELLO, "--plan", path)
    assert said.code == 2
    assert [line.split()[2] for line in said.lines] == ["faults[0].delay", "faults[0].rate"]
    assert all(line.startswith(f"faultlayer: {path}: ") for line in said.lines)
    (line,) = typed("local", HELLO, "--plan", '{"rate":2}').lines
    assert line.startswith("faultlayer: --plan rate is above 1, which is 100%")
    assert "cannot be read" in typed("local", HELLO, "--plan", tmp_path / "none").err
