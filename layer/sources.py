"""The machine's own package sources, narrowed to its distribution.

Works on text only. Keeps every address, option and signature of the machine's configuration
(mirrors and proxies stay in force) and names none itself. Binding: sources.list(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

POCKETS = ("", "-updates", "-security")


def deb822(text: str, suites: frozenset[str]) -> str:
    """The stanzas of a `.sources` file that serve binary packages of one of the suites."""
    kept = []
    for stanza in re.split(r"\n\s*\n", text):
        lines = [line for line in stanza.splitlines() if not line.startswith("#")]
        fields = _fields(lines)
        wanted = [suite for suite in fields.get("suites", "").split() if suite in suites]
        if not wanted or "deb" not in fields.get("types", "").split():
            continue
        if fields.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        changed = {"types": "Types: deb", "suites": f"Suites: {' '.join(wanted)}"}
        # Architectures goes: the other architecture's packages come from the same place.
        kept.append("\n".join(_replace(lines, changed, drop=("architectures",))))
    return "".join(f"{stanza}\n\n" for stanza in kept)


def _fields(lines: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        value = line
        if line[:1] not in (" ", "\t"):
            name, _, value = line.partition(":")
            name = name.lower()
        found[name] = f"{found.get(name, '')} {value.strip()}".strip()
    return found


def _replace(lines: list[str], changed: dict[str, str], drop: tuple[str, ...]) -> Iterable[str]:
    name = ""
    for line in lines:
        if line[:1] not in (" ", "\t"):
            name = line.split(":", 1)[0].lower()
            if name in changed:
                yield changed[name]
        if name not in changed and name not in drop:
            yield line


def one_line(text: str, suites: frozenset[str]) -> str:
    """The lines of a `.list` file that serve binary packages of one of the suites."""
    kept = []
    for line in text.splitlines():
        match = re.match(r"deb\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)\s+(.+)", line.split("#")[0].strip())
        if match and match[3].rstrip("/") in suites:
            options = [o for o in (match[1] or "").split() if not o.startswith("arch=")]
            middle = f"[{' '.join(options)}] " if options else ""
            kept.append(f"deb {middle}{match[2]} {match[3]} {match[4]}\n")
    return "".join(kept)


def narrowed(etc: Path, codename: str) -> dict[str, str]:
    """File name → content of the sources that serve the distribution `codename`."""
    suites = frozenset(codename + pocket for pocket in POCKETS)
    found = {}
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        if path.suffix not in (".list", ".sources") or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        content = (deb822 if path.suffix == ".sources" else one_line)(text, suites)
        if content:
            found[path.name] = content
    return found
