"""Lays out the tree that becomes /opt, and zips it.

Promises sorted entries, fixed times and modes, and no path of the build machine. Binding: the
layer's section of the design, and "Working with layers for Lambda functions".
"""

from __future__ import annotations

import ast
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from layer import shim, start
from layer.elf import Elf
from layer.host import Distribution
from layer.launcher import launcher
from layer.modules import package_files, stdlib_files, trimmed_aliases
from layer.packages import Package
from layer.report import BuildError, say
from layer.unpacked import Unpacked

EPOCH = 315532800  # 1980-01-01, the earliest a zip can say
EXECUTABLE = (
    "extensions/faultlayer",
    "faultlayer-wrapper",
    "faultlayer/bin/faultlayer-start",
    "faultlayer/bin/python3",
)


@dataclass(frozen=True)
class Recipe:
    repository: Path
    distribution: Distribution
    packages: Sequence[Package]
    target: Unpacked  # what is shipped
    native: Unpacked  # what runs here: compiles, compresses
    patchelf: Path

    @property
    def extension(self) -> Path:
        return self.repository / "extension"

    def parts(self) -> dict[str, Path]:
        """Files copied as they are: path below /opt → source."""
        arch = self.target.target.arch
        return {
            "faultlayer-wrapper": self.repository / "wrapper" / "faultlayer-wrapper",
            "faultlayer/bin/faultlayer-start": shim.program(self.repository, arch),
            "faultlayer/lib/libfaultlayer-shim.so": shim.library(self.repository, arch),
            "faultlayer/licenses/faultlayer/LICENSE": self.repository / "LICENSE",
        }


def version(extension: Path) -> str:
    path = extension / "faultlayer" / "__init__.py"
    try:
        body = ast.parse(path.read_text(encoding="utf-8")).body
    except (OSError, SyntaxError) as error:
        raise BuildError(f"cannot read {path}: {error}") from error
    for node in body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__":
            return str(ast.literal_eval(node.value))
    raise BuildError(f"{path} sets no __version__")


def assemble(recipe: Recipe, opt: Path) -> None:
    """Fills the empty folder `opt`."""
    home = opt / "faultlayer"
    for name, source in recipe.parts().items():
        if not source.is_file():
            raise BuildError(f"missing {source.relative_to(recipe.repository)}")
        _copy(source, opt / name)
    (opt / "extensions").mkdir()
    (opt / "extensions" / "faultlayer").write_bytes(launcher(recipe.target.target.arch))
    say(f"{recipe.target.target.arch}: finding the modules that the extension needs")
    files = stdlib_files(recipe.native, recipe.patchelf, recipe.extension)
    extensions = _add_extension_modules(recipe, home, files)
    _add_binaries(recipe, home, extensions)
    say(f"{recipe.target.target.arch}: compiling")
    _add_bytecode(recipe, home, [file for file in files if file.endswith(".py")])
    _add_papers(recipe, home)
    _settle(opt)


def pack(recipe: Recipe, opt: Path, target: Path) -> None:
    say(f"{recipe.target.target.arch}: compressing")
    recipe.native.run("pack.py", "compressing", [opt, target])


def _add_extension_modules(recipe: Recipe, home: Path, files: Sequence[str]) -> list[Path]:
    """Always makes lib-dynload: without it CPython would look for the machine's own."""
    library = home / "lib" / f"python{recipe.target.python}"
    (library / "lib-dynload").mkdir(parents=True)
    copied = []
    for file in files:
        if file.endswith(".so"):
            name = file.replace(recipe.native.target.triplet, recipe.target.target.triplet)
            copied.append(_copy(recipe.target.stdlib / name, library / name))
    return copied


def _add_binaries(recipe: Recipe, home: Path, extensions: Sequence[Path]) -> None:
    loader, lib = recipe.target.target.loader, home / "lib"
    python = _copy(recipe.target.executable, home / "bin" / "python3")
    found = {python: Elf(recipe.patchelf, python)}
    found.update({path: Elf(recipe.patchelf, path) for path in extensions})
    pending = list(found.values())
    while pending:
        elf = pending.pop()
        for soname in [*elf.needed(), loader]:
            source, path = recipe.target.library(soname), lib / soname
            if source is None:
                raise BuildError(f"{elf.path.name} needs {soname}, which no package here holds")
            if not path.exists():
                _copy(source, path)
                if soname != loader:
                    found[path] = Elf(recipe.patchelf, path)
                    pending.append(found[path])
    for path in sorted(found):
        found[path].bind(lib, loader, executable=path == python)


def _add_bytecode(recipe: Recipe, home: Path, files: Sequence[str]) -> None:
    """Replace sources by bytecode, which imports fastest.

    `start` lists the modules that share a file. Our own sources lie beside it: tracebacks look
    there, imports do not.
    """
    inside = f"lib/python{recipe.target.python}"
    aliases = home / "aliases.py"
    text = (recipe.native.stdlib / "encodings/aliases.py").read_text(encoding="utf-8")
    aliases.write_text(trimmed_aliases(text, files), encoding="utf-8")
    jobs: list[tuple[Path, Path, str, list[tuple[str, str, str, bool]]]] = []
    for file in files:
        path = aliases if file == "encodings/aliases.py" else recipe.native.stdlib / file
        jobs.append((path, home / inside / f"{file}c", f"/opt/faultlayer/{inside}/{file}", []))
    together: list[tuple[str, str, str, bool]] = []
    for module in package_files(recipe.extension):
        source = _copy(recipe.extension / module, home / "src" / module)
        shown = f"/opt/faultlayer/src/{module}"
        name = ".".join(module.with_suffix("").parts).removesuffix(".__init__")
        if name in start.MODULES:
            together.append((name, str(source), shown, module.stem == "__init__"))
        else:
            others = together if name == start.PACKAGE else []
            jobs.append((source, home / inside / f"{module}c", shown, others))
    for _, target, _, _ in jobs:
        target.parent.mkdir(parents=True, exist_ok=True)
    stdin = json.dumps([[str(path), str(target), *more] for path, target, *more in jobs])
    recipe.native.run("compile.py", "compiling", [], stdin=stdin)
    aliases.unlink()


def _add_papers(recipe: Recipe, home: Path) -> None:
    root = recipe.target.root
    for package in recipe.packages:
        source = (root / "usr/share/doc" / package.name / "copyright").resolve()
        _copy(source, home / "licenses" / package.name / "copyright")
    manifest = {
        "architecture": recipe.target.target.arch,
        "distribution": str(recipe.distribution),
        "faultlayer": version(recipe.extension),
        "packages": {package.name: package.version for package in recipe.packages},
        "python": recipe.target.python,
    }
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    (home / "manifest.json").write_text(text, encoding="utf-8")


def _copy(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise BuildError(f"cannot copy {source}: {error.strerror}") from error
    return target


def _settle(opt: Path) -> None:
    """Modes and times that do not depend on who builds, or when."""
    for path in [opt, *opt.rglob("*")]:
        name = path.relative_to(opt).as_posix()
        loader = path.parent.name == "lib" and path.name.startswith("ld-")
        path.chmod(0o755 if path.is_dir() or name in EXECUTABLE or loader else 0o644)
        os.utime(path, (EPOCH, EPOCH))
