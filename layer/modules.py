"""Which modules of the standard library the layer carries: derived, not listed by hand.

What a bare start loads, what importing every module of the extension loads, and what its
functions import later. Must never need the extension to be run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from layer.elf import Elf
from layer.report import BuildError
from layer.unpacked import Unpacked

# What no import statement of ours leads to.
DYNAMIC = (
    "encodings.ascii",  # codecs are found by name
    "encodings.idna",  # socket.getaddrinfo encodes every host name with it
    "encodings.latin_1",
    "encodings.utf_8",
    "_strptime",  # imported from C
    # The C scanner imports json.decoder to say what is wrong with a text; and json is
    "json",  # promised to whatever runs on the layer's interpreter, and so are these two
    "linecache",
    "traceback",
)
LANDMARK = "os.py"  # frozen into the interpreter, but its file marks where the library is


def package_files(extension: Path) -> list[Path]:
    """The package's modules, relative to the folder that holds it; no tests, no leftovers."""
    found = []
    for path in sorted(extension.rglob("*.py")):
        relative = path.relative_to(extension)
        parts = (*relative.parts[:-1], relative.stem)
        if all(part.isidentifier() for part in parts) and "tests" not in parts:
            found.append(relative)
    return found


def imports(source: str) -> Iterator[tuple[str, str]]:
    """("required" or "optional", module) of every absolute import, however deep it stands."""
    pending: list[tuple[ast.AST, str]] = [(ast.parse(source), "required")]
    while pending:
        node, need = pending.pop()
        if isinstance(node, ast.Import):
            yield from ((need, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield need, node.module
            yield from (("optional", f"{node.module}.{alias.name}") for alias in node.names)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            pending += [(child, need) for child in node.orelse]
            continue
        below = "optional" if isinstance(node, ast.Try) else need
        pending += [(child, below) for child in ast.iter_child_nodes(node)]


def stdlib_files(python: Unpacked, tool: Path, extension: Path) -> list[str]:
    """The files the layer needs, relative to the standard library's folder."""
    _drop_unloadable(python, tool)
    wanted = {("required", name) for name in DYNAMIC}
    for file in package_files(extension):
        name = ".".join(file.with_suffix("").parts).removesuffix(".__init__")
        if file.stem != "__main__":
            wanted.add(("required", name))
        try:
            wanted.update(imports((extension / file).read_text(encoding="utf-8")))
        except SyntaxError as error:
            raise BuildError(f"extension/{file}:{error.lineno}: {error.msg}") from error
    asked = "".join(f"{need} {name}\n" for need, name in sorted(wanted))
    found = python.run(
        "probe.py", "importing the extension's modules", [extension, python.stdlib], stdin=asked
    )
    return sorted({LANDMARK, *found.splitlines()})


def _drop_unloadable(python: Unpacked, tool: Path) -> None:
    """Forgets extension modules whose libraries the recipe lacks, so that the import of a
    module with a fallback (hashlib without OpenSSL) takes the turn it will take in the layer."""
    for path in (python.stdlib / "lib-dynload").glob("*.so"):
        if not all(python.library(name) for name in Elf(tool, path).needed()):
            path.unlink()


def trimmed_aliases(source: str, files: Iterable[str]) -> str:
    """encodings.aliases, loaded by every start, without codecs that the layer does not carry."""
    codecs = {Path(file).stem for file in files if file.startswith("encodings/")}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "aliases":
            table: dict[str, str] = ast.literal_eval(node.value)
            kept = {alias: codec for alias, codec in sorted(table.items()) if codec in codecs}
            return f"aliases = {kept!r}\n"
    raise BuildError("encodings/aliases.py of this Python has no table `aliases`")
