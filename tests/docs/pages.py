"""The pages' code blocks, and the files in examples that they quote.

A block that follows `<!-- quote: FILE -->` is what FILE has between its `paste` and `end` comments.
`python tests/docs/pages.py --write` writes all quotes anew, `--check` compares them.
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
_QUOTE = re.compile(r"<!-- quote: (?P<file>\S+) -->\n+```\w+\n(?P<text>.*?)```\n", re.DOTALL)
_PASTED = re.compile(r"^ *(?:#|//) paste\n(.*?)^ *(?:#|//) end$\n?", re.DOTALL | re.MULTILINE)
_SHELL = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def pasted(path: Path) -> str:
    """What the pages show of this file."""
    parts = _PASTED.findall(path.read_text())
    if path.suffix in (".py", ".ts"):  # parts that stand in different places
        return "\n".join(textwrap.dedent(part).strip("\n") + "\n" for part in parts)
    return textwrap.dedent("".join(parts))


def quotes(page: Path) -> list[tuple[str, str]]:
    """File and text of every quote."""
    return [(quote["file"], quote["text"]) for quote in _QUOTE.finditer(page.read_text())]


def commands(page: Path, name: str) -> list[str]:
    """The lines of the page's shell blocks that run this command, their `\\`s resolved."""
    lines = [line.removeprefix(".venv/bin/") for line in shell_lines(page)]
    return [line for line in lines if line.split()[:1] == [name]]


def shell_lines(page: Path) -> list[str]:
    """All lines of the page's shell blocks, their `\\`s resolved."""
    blocks = "".join(_SHELL.findall(page.read_text())).replace("\\\n", " ")
    return [line.strip() for line in blocks.splitlines()]


def _anew(page: Path) -> str:
    """The page with all quotes as the files are now."""

    def anew(quote: re.Match[str]) -> str:
        head = quote[0][: quote.start("text") - quote.start()]
        return head + pasted(ROOT / quote["file"]) + "```\n"

    return _QUOTE.sub(anew, page.read_text())


def main(action: str) -> int:
    stale = [page for page in PAGES if _anew(page) != page.read_text()]
    for page in stale:
        if action == "--write":
            page.write_text(_anew(page))
        print(f"{page}: {'written' if action == '--write' else 'quotes a file as it was'}")
    return 1 if stale and action != "--write" else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
