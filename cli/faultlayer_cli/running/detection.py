r"""The runtime and the handler of a function, found by the files in its folder.

    app.py, index.mjs, Orders.class ... --> Found: runtime, handler, and the file they are in
                                        \-> Mistake: a question that names the answers

Nothing of the function is run for it.
"""

from __future__ import annotations

import ast
import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from faultlayer_cli.errors import Mistake
from faultlayer_cli.running.local_function import Runtime

_SCRIPTS = (".mjs", ".js", ".cjs")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_DYNAMIC = {"*", "globals", "exec", "setattr", "__getattr__"}  # can bind any name
_PYTHON_NAMES = ("handler", "lambda_handler")
_NODE_NAMES = ("handler", "lambdaHandler")
_EXPORT = (
    r"exports\.{0}\s*=|export\s+(?:async\s+)?(?:function\s*\*?|const|let|var)\s+{0}\b"
    r"|export\s*\{{[^}}]*\b{0}\b"
)
# RequestHandler and RequestStreamHandler, which handlers in Java implement.
_JAVA_INTERFACE = b"com/amazonaws/services/lambda/runtime/Request"
_LIBRARIES = ("com/amazonaws/", "software/amazon/")
_MOST_FILES = 20_000  # that are looked at for classes
_NAMED = 5  # handlers that a message names
# What can be run in an image only.
_IN_IMAGES = (
    ("bootstrap", "an OS-only runtime", "provided:al2023"),
    ("*.rb", "Ruby", "ruby:3.4"),
    ("*.runtimeconfig.json", ".NET", "dotnet:8"),
)
# What has to be built first.
_SOURCES = (
    (
        "pom.xml",
        "mvn package dependency:copy-dependencies -DoutputDirectory=target/classes/lib, "
        "then name target/classes",
    ),
    ("build.gradle*", "build it, then name a folder with its classes and a lib folder of jars"),
    ("*.jar", "unzip it into a folder, as Lambda does, then name that"),
    ("go.mod", "build it to a file named bootstrap, then use --image"),
    ("Cargo.toml", "build it to a file named bootstrap, then use --image"),
    ("*.csproj", "dotnet publish, then use --image with the folder that it wrote"),
    ("*.ts", "compile it, then name the folder with the .js files"),
)


@dataclass(frozen=True)
class Found:
    """A function's runtime and handler, and the file that tells them."""

    runtime: Runtime
    handler: str
    file: str

    def __str__(self) -> str:
        return f"{self.handler} ({self.runtime.title}, {self.file})"


def find(folder: Path, handler: str | None, runtime: Runtime | None = None) -> Found:
    """Find the function in a folder. Raises Mistake if there is none, or more than one."""
    runtimes = tuple(Runtime) if runtime is None else (runtime,)
    if handler is None:
        found = [one for each in runtimes for one in _HANDLERS[each](folder)]
        if len(found) == 1:
            return found[0]
        if found:
            raise Mistake(f"{folder} has {_several(found)}; allowed: one of them as --handler")
        raise Mistake(f"{folder} {_why_none(folder)}")
    files = [(each, file) for each in runtimes if (file := _FILES[each](folder, handler))]
    if len(files) == 1:
        return Found(files[0][0], handler, files[0][1])
    if files:
        both = " and ".join(file for _, file in files)
        names = " or ".join(f"--runtime {each.value}" for each, _ in files)
        raise Mistake(f"--handler {handler} is in {both}; allowed: {names}")
    there = [one for each in Runtime for one in _HANDLERS[each](folder)]
    more = f"; allowed: {', '.join(map(str, there[:_NAMED]))}" if there else ""
    raise Mistake(
        f"--handler names {_meant(handler, runtimes)}, which {folder} does not hold{more}"
    )


def _several(found: Sequence[Found]) -> str:
    rest = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"several handlers: {', '.join(map(str, found[:_NAMED]))}{rest}"


def _why_none(folder: Path) -> str:
    for pattern, what, image in _IN_IMAGES:
        if file := _first(folder, pattern):
            return (
                f"holds {file}, for {what}, which runs in an image only; allowed: "
                f"--image public.ecr.aws/lambda/{image} with --handler"
            )
    for pattern, advice in _SOURCES:
        if file := _first(folder, pattern):
            return f"holds {file}, and nothing that Lambda runs; {advice}"
    return (
        "holds no handler that is found by its name; allowed: --handler, for example app.handler "
        "(Python), index.handler (Node.js) or shop.Orders::handleRequest (Java)"
    )


def _first(folder: Path, pattern: str) -> str:
    return min((path.name for path in folder.glob(pattern) if path.is_file()), default="")


def _meant(handler: str, runtimes: Iterable[Runtime]) -> str:
    """The files that a handler could be in."""
    if "::" in handler:
        return f"the class {handler.partition('::')[0]}"
    names = []
    if Runtime.PYTHON in runtimes:
        names.append(f"{handler.rpartition('.')[0]}.py")
    if Runtime.NODE in runtimes:
        names.append(f"{_node_module(handler)}.mjs")
    return " or ".join(names) or f"the class {handler}"


# Python: file.function, with folders by dots or slashes.


def _python_file(folder: Path, handler: str) -> str:
    module, _, function = handler.rpartition(".")
    if not (module and function) or "::" in handler:
        return ""
    path = module.replace(".", "/")
    return _there(folder, (f"{path}.py", f"{path}/__init__.py"))


def _python_handlers(folder: Path) -> Iterator[Found]:
    """app.handler if it is there, else all functions that are named like handlers."""
    found = []
    for path in sorted(folder.glob("*.py")):
        names, certain = _bound(path)
        if path.stem == "app" and ("handler" in names or not certain):
            yield Found(Runtime.PYTHON, "app.handler", path.name)
            return
        found += [
            Found(Runtime.PYTHON, f"{path.stem}.{name}", path.name)
            for name in _PYTHON_NAMES
            if name in names
        ]
    yield from found


def _bound(path: Path) -> tuple[set[str], bool]:
    """The names that a module may bind at its top, and whether there are no others for certain."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return set(), False  # the function's own start tells more
    names: set[str] = set()
    for top in tree.body:
        if isinstance(top, _DEFINITIONS):
            names.add(top.name)
            continue
        for node in ast.walk(top):
            if isinstance(node, _DEFINITIONS):
                names.add(node.name)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                names |= {(each.asname or each.name).partition(".")[0] for each in node.names}
            elif isinstance(node, ast.Name):
                names.add(node.id)
    return names, not names & _DYNAMIC


# Node.js: folders by slashes, then file.function.


def _node_module(handler: str) -> str:
    folder, slash, name = handler.rpartition("/")
    return folder + slash + name.partition(".")[0]


def _node_file(folder: Path, handler: str) -> str:
    if "." not in handler.rpartition("/")[2] or "::" in handler:
        return ""
    module = _node_module(handler)
    return _there(folder, [module + suffix for suffix in _SCRIPTS])


def _node_handlers(folder: Path) -> Iterator[Found]:
    """index.handler if there is an index, else all exports that are named like handlers."""
    for suffix in _SCRIPTS:
        if (folder / f"index{suffix}").is_file():
            yield Found(Runtime.NODE, "index.handler", f"index{suffix}")
            return
    for path in sorted(path for suffix in _SCRIPTS for path in folder.glob(f"*{suffix}")):
        try:
            text = path.read_text("utf-8", "replace")
        except OSError:
            continue
        for name in _NODE_NAMES:
            if re.search(_EXPORT.format(name), text):
                yield Found(Runtime.NODE, f"{path.stem}.{name}", path.name)


# Java: package.Class::method, in classes or in lib/*.jar.


def _java_file(folder: Path, handler: str) -> str:
    name = handler.partition("::")[0]
    path = name.replace(".", "/") + ".class"
    if file := _there(folder, (path,)):
        return file
    for jar in sorted(folder.glob("lib/*.jar")) if "::" in handler else []:
        try:
            with zipfile.ZipFile(jar) as archive:
                if path in archive.namelist():
                    return f"lib/{jar.name}"
        except (OSError, zipfile.BadZipFile):
            continue
    return ""


def _java_handlers(folder: Path) -> Iterator[Found]:
    for path in _classes(folder):
        name = path.relative_to(folder).as_posix()
        try:
            handles = not name.startswith(_LIBRARIES) and _JAVA_INTERFACE in path.read_bytes()
        except OSError:
            continue
        if handles:
            handler = name.removesuffix(".class").replace("/", ".") + "::handleRequest"
            yield Found(Runtime.JAVA, handler, name)


def _classes(folder: Path) -> Iterator[Path]:
    """The class files in a folder, if it is not a very large one."""
    count = 0
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "node_modules" and name[0] != ".")
        count += len(files)
        if count > _MOST_FILES:
            return
        yield from (Path(top, name) for name in sorted(files) if name.endswith(".class"))


def _there(folder: Path, names: Iterable[str]) -> str:
    """The first of these files that is in the folder."""
    return next((name for name in names if (folder / name).is_file()), "")


_FILES = {Runtime.PYTHON: _python_file, Runtime.NODE: _node_file, Runtime.JAVA: _java_file}
_HANDLERS = {
    Runtime.PYTHON: _python_handlers,
    Runtime.NODE: _node_handlers,
    Runtime.JAVA: _java_handlers,
}
