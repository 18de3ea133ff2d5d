"""Files of variables in dotenv's form, NAME=VALUE, and NAME alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from faultlayer_cli.errors import Mistake
from faultlayer_cli.given_variables import of_assignments, of_files

FILE = """\
# the shop's settings
TABLE_NAME=orders

export REGION = eu-west-1  # where it is
  PLAIN=a#b c
EMPTY=
QUOTED="two words # no comment\\n\\tand a line"
LITERAL='$HOME \\n "as it is"'
MANY="first
second"
URL=https://example.com/?a=1&b=2
DOLLAR=$HOME/${HOME}
TWICE=1
TWICE=2
FROM_HERE
NOT_HERE
"""
FOUND = {
    "TABLE_NAME": "orders",
    "REGION": "eu-west-1",
    "PLAIN": "a#b c",
    "EMPTY": "",
    "QUOTED": "two words # no comment\n\tand a line",
    "LITERAL": '$HOME \\n "as it is"',
    "MANY": "first\nsecond",
    "URL": "https://example.com/?a=1&b=2",
    "DOLLAR": "$HOME/${HOME}",
    "TWICE": "2",
    "FROM_HERE": "here",
}
HERE = {"FROM_HERE": "here", "HOME": "/home/me"}


@pytest.mark.parametrize(
    "data",
    [
        FILE.encode(),
        FILE.encode("utf-8-sig"),
        FILE.replace("\n", "\r\n").encode(),
        FILE.replace("\n", "\r\n").encode("utf-16"),
        FILE.rstrip("\n").encode(),
    ],
    ids=["plain", "mark", "windows", "utf-16", "no line break at the end"],
)
def test_a_file_is_read_in_any_form_that_text_has(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / ".env"
    path.write_bytes(data)
    assert of_files([str(path)], HERE) == FOUND


@pytest.mark.parametrize(
    ("text", "line", "wrong"),
    [
        ("A=1\n\n\nnot a variable\n", 4, "is not NAME=VALUE"),
        ("# one\r\n1A=b\r\n", 2, 'has "1A", which is not a name'),
        ("A=1\nB.C=2\n", 2, 'has "B.C", which is not a name'),
        ('A="one\ntwo"\n\n"quoted"=1\n', 4, "is not NAME=VALUE"),
        ("A=1\n=2", 2, "is not NAME=VALUE"),
        ('A=1\nB="never closed\nC=3\n', 2, "is not NAME=VALUE"),
        ("A='x' y\n", 1, "is not NAME=VALUE"),
    ],
)
def test_a_mistake_names_file_and_line(tmp_path: Path, text: str, line: int, wrong: str) -> None:
    path = tmp_path / "shop.env"
    path.write_bytes(text.encode())
    with pytest.raises(Mistake) as caught:
        of_files([str(path)], {})
    assert str(caught.value).startswith(f"--env-file {path} line {line} {wrong}; allowed")


@pytest.mark.parametrize(
    "answer",
    [
        {"A": "1"},
        {"Variables": {"A": "1"}},
        {"Environment": {"Variables": {"A": "1"}}, "FunctionName": "orders"},
        {"Configuration": {"Environment": {"Variables": {"A": "1"}}}, "Code": {"Location": "x"}},
    ],
)
def test_a_json_object_and_the_answers_of_aws(tmp_path: Path, answer: object) -> None:
    """Those of get-function-configuration and get-function, or a part of them."""
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(answer, indent=1), encoding="utf-16")
    assert of_files([str(path)], {}) == {"A": "1"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON: line 1, column 2"),
        ('{"A": "1", "A": "2"}', "has A more than once"),
        ('{"Variables": {"A": 1}}', 'has A, which is not text; allowed: .*"Variables"'),
        ('{"1A": "x"}', "has 1A, which is not a name; allowed: a name of letters"),
        ('{"Environment": {"Error": {"ErrorCode": "AccessDenied"}}}', "AWS could not decrypt them"),
    ],
)
def test_json_that_holds_no_variables(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "answer.json"
    path.write_text(text)
    with pytest.raises(Mistake, match=f"^--env-file {path} .*{said}"):
        of_files([str(path)], {})


def test_a_function_without_variables(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text('{"FunctionName": "orders", "Timeout": 3}')
    assert of_files([str(path)], {}) == {}


def test_a_value_that_no_variable_can_have(tmp_path: Path) -> None:
    path = tmp_path / "shop.env"
    path.write_bytes(b"A=1\nB=x\0y\n")
    with pytest.raises(Mistake, match="line 2 has a NUL in the value of B"):
        of_files([str(path)], {})


def test_assignments() -> None:
    found = of_assignments(["A=b=c", "EMPTY=", "FROM_HERE", "NOT_HERE", "A=d"], HERE)
    assert found == {"A": "d", "EMPTY": "", "FROM_HERE": "here"}
    for text, wrong in (
        ("", "is not NAME=VALUE"),
        ("=x", 'has no name before "="'),
        ("1A=b", 'has "1A", which is not a name'),
        ("A-B=c", 'has "A-B", which is not a name'),
        ("A B", "is not NAME=VALUE"),
    ):
        with pytest.raises(Mistake, match=f"-e/--function-env {wrong}; allowed: a name of"):
            of_assignments([text], HERE)
