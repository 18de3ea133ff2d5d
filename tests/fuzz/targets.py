"""All fuzz targets by name: each takes bytes, and raises where a promise does not hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fuzz import dependencies, events, native, wire, words

HERE = Path(__file__).resolve().parent
CORPUS, REGRESSIONS = HERE / "corpus", HERE / "regressions"

TARGETS: dict[str, Callable[[bytes], None]] = {
    "requests": wire.requests,
    "answers": wire.answers,
    "chunks": wire.chunks,
    "heads": wire.heads,
    "variables": words.variables,
    "plans": words.plans,
    "values": words.values,
    "matches": events.matches,
    "expressions": events.expressions,
    "changes": events.changes,
    "texts": events.texts,
    "rewrites": events.rewrites,
    "streams": events.streams,
    "questions": dependencies.questions,
    "shim": native.shim,
}


def kept(name: str) -> list[Path]:
    """The inputs that are kept for a target: its corpus, and what it once failed for."""
    found = [*(CORPUS / name).glob("*"), *(REGRESSIONS / name).glob("*")]
    return sorted(found)
