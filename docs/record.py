"""Record the terminal session of the README: run its commands, and draw what they print as an SVG.

    .venv/bin/python docs/record.py [FILE]

Without FILE it writes docs/session.svg. The commands run in this checkout, with the `faultlayer` of
this Python. They need `make build`, and neither an account nor the network once that is done.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 112
INVOKE = "faultlayer local examples/hello --invoke examples/hello/event.json"
SESSION = (
    ("What does it do by itself?", f"{INVOKE} 2>log"),
    ("What if it takes an extra 300 ms?", f"{INVOKE} --latency 300ms 2>log; grep injected log"),
    ("What if it returns an error code?", f"{INVOKE} --status 503 2>log; grep injected log"),
    (
        "What if there is an exception in the code?",
        f"{INVOKE} --exception 'ValueError: no such order' \\\n    2>log; grep injected log",
    ),
    (
        "What would hit one event?",
        "faultlayer explain --latency 300ms --rate 20% --seed 7 --status 503 "
        "--status-match rawPath=/orders \\\n    --event examples/hello/event.json "
        "--request-id 8476a536-e9f4-11e8-9739-2dfe598c3fce",
    ),
)
# On a terminal `local` ends the response with a line break. Here it writes to a pipe.
TERMINAL = 'faultlayer() { command faultlayer "$@"; [ "$1" != local ] || echo; }\n'


def output(command: str, folder: Path) -> str:
    """What the command prints, on both streams; it may fail if it is meant to."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    given = {name: of for name, of in os.environ.items() if not name.startswith("FAULTLAYER_")}
    done = subprocess.run(
        ["sh", "-c", TERMINAL + command],
        cwd=folder,
        env={**given, "PATH": path, "COLUMNS": str(WIDTH)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if not done.stdout:
        log = folder / "log"
        sys.exit(f"{command} printed nothing: {log.read_text() if log.exists() else ''}")
    return done.stdout


def record() -> str:
    """The session as an SVG document."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), highlight=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "examples").symlink_to(ROOT / "examples")
        for i, (question, command) in enumerate(SESSION):
            if i:
                console.print()
            console.print(Text(f"# {question}", "cyan"))
            console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
            for line in output(command, folder).splitlines():
                said = Text(line)
                if line.startswith("{"):
                    JSONHighlighter().highlight(said)
                console.print(said, overflow="fold")
    svg = console.export_svg(title="faultlayer", theme=MONOKAI, unique_id="faultlayer")
    # The page names fonts of the reader's machine: rich's own come from the network.
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "session.svg"
    target.write_text(record())
    sys.stdout.write(f"{target}: written\n")
