"""The terminal: notes on standard error, one line each; counts as a bar, gone at the end.

It is the `Progress` of the commands and the demo. No other room knows that there is a terminal.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from time import monotonic

from faultlayer_cli.progress import BYTES, Count

_REFRESH = 0.1  # seconds between two looks at a count without a known end


def say(message: str) -> None:
    """Print one line on standard error."""
    print(f"faultlayer: {message}", file=sys.stderr, flush=True)


class OnTerminal:
    """Notes go to standard error. Counts are shown only if that is a terminal."""

    def note(self, text: str) -> None:
        say(text)

    @contextlib.contextmanager
    def counting(self, doing: str, unit: str = "") -> Iterator[Count]:
        from rich.console import Console  # which most commands never need
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            SpinnerColumn,
            TextColumn,
        )

        console = Console(stderr=True)
        if not console.is_terminal:
            yield lambda done, total: None
            return
        text = TextColumn("{task.description}")
        columns: tuple[ProgressColumn, ...] = (text, BarColumn(), MofNCompleteColumn())
        if unit:
            columns = (SpinnerColumn(), text)
        if unit == BYTES:
            columns = (BarColumn(), DownloadColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(doing, total=None)
            shown = 0.0

            def count(done: int, total: int | None) -> None:
                nonlocal shown
                if total is None and monotonic() - shown < _REFRESH:
                    return
                shown = monotonic()
                said = f"{doing}: {done:,} {unit}" if unit else doing
                bar.update(task, completed=done, total=total, description=said)

            yield count


TERMINAL = OnTerminal()
