"""The machine's own package sources, narrowed to its distribution and to its keys.

Works on text only. Keeps every address of the machine's configuration (mirrors and proxies stay in
force) and names none itself. Every source must be signed with the distribution's own key: a source
that is marked trusted, or signed with the key of somebody else, brings no package into the layer.
Binding: sources.list(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

POCKETS = ("", "-updates", "-security")
# Options that let a source go without a signature, or choose the key. `no` is as good as none.
_TRUSTING = ("trusted", "allow-insecure", "allow-weak", "allow-downgrade-to-insecure")
_REPLACED = ("signed-by", "arch", *_TRUSTING)
_NO = ("", "no", "false", "0", "off", "without")


@dataclass(frozen=True)
class Rules:
    """The sources to keep: those of these suites (None: of any), signed with these keys."""

    suites: frozenset[str] | None
    keyring: Path

    def wanted(self, suites: Iterable[str]) -> list[str]:
        return [one for one in suites if self.suites is None or one.rstrip("/") in self.suites]


class Kept(NamedTuple):
    """The part of a source file that is kept, and the addresses that it marks as trusted."""

    text: str
    trusted: list[str]


@dataclass(frozen=True)
class Sources:
    """The source files that are kept, by their names, and the addresses marked as trusted."""

    files: dict[str, str]
    trusted: list[str]


def deb822(text: str, rules: Rules) -> Kept:
    """The stanzas of a `.sources` file that serve binary packages of a wanted suite."""
    kept, trusted = [], []
    for stanza in re.split(r"\n\s*\n", text):
        lines = [line for line in stanza.splitlines() if not line.startswith("#")]
        fields = _fields(lines)
        wanted = rules.wanted(fields.get("suites", "").split())
        if not wanted or "deb" not in fields.get("types", "").split():
            continue
        if fields.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        if any(fields.get(option, "").lower() not in _NO for option in _TRUSTING):
            trusted += fields.get("uris", "").split()
        changed = {"types": "Types: deb", "suites": f"Suites: {' '.join(wanted)}"}
        # Architectures goes: the other architecture's packages come from the same place.
        lines = list(_replace(lines, changed, drop=("architectures", "signed-by", *_TRUSTING)))
        kept.append("\n".join([*lines, f"Signed-By: {rules.keyring}"]))
    return Kept("".join(f"{stanza}\n\n" for stanza in kept), trusted)


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
        if name not in changed and name not in drop and line.strip():
            yield line


def one_line(text: str, rules: Rules) -> Kept:
    """The lines of a `.list` file that serve binary packages of a wanted suite."""
    kept, trusted = [], []
    for line in text.splitlines():
        match = re.match(r"deb\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)(.*)", line.split("#")[0].strip())
        if not match or not rules.wanted([match[3]]):
            continue
        options = (match[1] or "").split()
        kinds = [re.split(r"[+-]?=", option, maxsplit=1) for option in options]
        if any(kind[0].lower() in _TRUSTING and kind[-1].lower() not in _NO for kind in kinds):
            trusted.append(match[2])
        others = [
            o for o, kind in zip(options, kinds, strict=True) if kind[0].lower() not in _REPLACED
        ]
        middle = " ".join([f"signed-by={rules.keyring}", *others])
        kept.append(f"deb [{middle}] {match[2]} {match[3]}{match[4]}\n")
    return Kept("".join(kept), trusted)


def narrowed(etc: Path, rules: Rules) -> Sources:
    """The sources of apt's folder `etc` that these rules keep."""
    found = Sources({}, [])
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        if path.suffix not in (".list", ".sources") or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        kept = (deb822 if path.suffix == ".sources" else one_line)(text, rules)
        if kept.text:
            found.files[path.name] = kept.text
            found.trusted.extend(kept.trusted)
    return found


def of_machine(etc: Path, codename: str, keyring: Path) -> Sources:
    """The sources that serve the distribution `codename`; if none names it, all there are.

    A source may name its suite in another way, such as `stable`.
    """
    suites = frozenset(codename + pocket for pocket in POCKETS)
    found = narrowed(etc, Rules(suites, keyring))
    return found if found.files else narrowed(etc, Rules(None, keyring))
