"""One sentence on the faults that a function on this machine starts with.

variables --+--> in force? which? until when? --> "armed: all invocations by latency 300ms"
plan file --+                                     "no fault is armed: ..."
"""

from __future__ import annotations

import time
from pathlib import Path

from faultlayer.settings.draft import MAX_SIZE
from faultlayer_cli.errors import Mistake
from faultlayer_cli.input_files import read_text
from faultlayer_cli.plans import in_words
from faultlayer_cli.plans.variables import PLAN, Variables

_FILE = "file:/var/task/"


def sentence(variables: Variables, folder: Path, now: float | None = None) -> str:
    """The faults in force; `folder` is at /var/task, so a plan in it is read."""
    source = variables.source or ""
    if not source.startswith(_FILE):
        return _sentence(variables, time.time() if now is None else now)
    path = folder / source.removeprefix(_FILE)
    try:
        text = read_text(str(path), most=MAX_SIZE)
    except Mistake as mistake:
        return f"no plan is read from {source}: {mistake}"
    read = Variables({**variables.texts, PLAN: text})
    wrong = f"; {source} {read.problems[0].message}" if read.problems else ""
    return _sentence(read, time.time() if now is None else now) + wrong


def _sentence(variables: Variables, now: float) -> str:
    end = variables.end
    if variables.disabled or variables.planned.disabled:
        return "no fault is armed: all are disabled"
    if end is not None and end <= now:
        return f"no fault is armed: they ended at {in_words.until(end, now)}"
    found = in_words.each(variables)
    observed = in_words.observed(variables)
    if not (found or observed):
        why = "they can never hit" if variables.rules else "the function runs untouched"
        return f"no fault is armed: {why}"
    said = "; ".join([*found, observed] if observed else found)
    if end is not None or variables.configuration.merged(variables.configuration.plan).start:
        said += f"; {in_words.window(variables, now)}"
    if not found:
        return f"no fault is armed: {said}"
    return (
        f"no fault is injected, only log lines: {said}" if variables.dry_run else f"armed: {said}"
    )
