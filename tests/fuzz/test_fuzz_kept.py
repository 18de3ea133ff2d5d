"""Everything the fuzzers keep, corpora and what once failed, tried again without the fuzzer."""

from __future__ import annotations

from pathlib import Path

import pytest

import machine
from fuzz import native
from fuzz.targets import CORPUS, REGRESSIONS, TARGETS, kept

INPUTS = [(name, path) for name in TARGETS for path in kept(name)]


def try_out(name: str, *inputs: bytes) -> None:
    try:
        for data in inputs:
            TARGETS[name](data)
    except native.MissingError as error:
        machine.lacks(error)


@pytest.mark.parametrize(
    ("name", "path"), INPUTS, ids=[f"{name}-{path.name}" for name, path in INPUTS]
)
def test_what_is_kept_holds(name: str, path: Path) -> None:
    try_out(name, path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_has_a_corpus_and_takes_anything(name: str) -> None:
    assert any((CORPUS / name).iterdir())
    try_out(name, b"", b"\0", b"\xff" * 40, b"\n" * 9, bytes(range(256)))


def test_nothing_is_kept_for_a_target_that_is_none() -> None:
    folders = [*CORPUS.iterdir(), *REGRESSIONS.glob("*/")]
    assert {folder.name for folder in folders} <= set(TARGETS)
