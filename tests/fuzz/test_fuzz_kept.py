"""Everything the fuzzers keep, corpora and what once failed, tried again without the fuzzer."""

from __future__ import annotations

import pytest

from fuzz.targets import CORPUS, REGRESSIONS, TARGETS, kept

INPUTS = [(name, path) for name in TARGETS for path in kept(name)]


@pytest.mark.parametrize(
    ("name", "path"), INPUTS, ids=[f"{name}-{path.name}" for name, path in INPUTS]
)
def test_what_is_kept_holds(name: str, path: object) -> None:
    TARGETS[name](path.read_bytes())  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_has_a_corpus_and_takes_anything(name: str) -> None:
    assert any((CORPUS / name).iterdir())
    for data in (b"", b"\0", b"\xff" * 40, b"\n" * 9, bytes(range(256))):
        TARGETS[name](data)


def test_nothing_is_kept_for_a_target_that_is_none() -> None:
    folders = [*CORPUS.iterdir(), *REGRESSIONS.glob("*/")]
    assert {folder.name for folder in folders} <= set(TARGETS)
