"""The interpreter runs on what the layer carries, whatever the function's image holds or sets."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from layer.modules import imports, package_files

PROMISED = "import _socket, select, json, zlib, time, _thread"
LIB = "/opt/faultlayer/lib"


def test_every_binary_looks_for_libraries_in_the_layer_first(binaries: dict[str, Any]) -> None:
    libraries = {Path(name).name for name in binaries if Path(name).parent.name == "lib"}
    loader = next(name for name in libraries if name.startswith("ld-"))
    for name, binary in binaries.items():
        assert set(binary.needed) <= libraries, name
        assert binary.runpath == "", f"{name}: LD_LIBRARY_PATH would beat this"
        if set(binary.needed) - {loader}:
            rpath = binary.rpath.replace("$ORIGIN", str(Path("/opt", name).parent))
            assert {os.path.normpath(path) for path in rpath.split(":")} == {LIB}, name


def test_the_interpreter_starts_through_the_layers_own_loader(binaries: dict[str, Any]) -> None:
    python = binaries["faultlayer/bin/python3"]
    assert python.interpreter == f"{LIB}/ld-linux-x86-64.so.2"
    assert python.rpath == f"$ORIGIN/../lib:{LIB}"


def test_it_starts_in_an_otherwise_empty_root(alone: Callable[..., str]) -> None:
    assert alone(f"{PROMISED}; print(json.dumps([1]))") == "[1]"


def test_only_the_layers_libraries_are_loaded(
    mounted: Callable[..., str], tmp_path: Path, binaries: dict[str, Any]
) -> None:
    for name in binaries:
        (tmp_path / Path(name).name).write_bytes(b"this is no library")
    code = f"{PROMISED}; print(open('/proc/self/maps').read())"
    mapped = mounted(code, {"LD_LIBRARY_PATH": f"{tmp_path}:/lib/x86_64-linux-gnu:/usr/lib"})
    shared = {line.split()[-1] for line in mapped.splitlines() if " r-xp " in line and "/" in line}
    assert len(shared) >= 6
    assert {path for path in shared if not path.startswith("/opt/faultlayer/")} == set()


def test_the_functions_python_settings_do_not_reach_it(
    mounted: Callable[..., str], tmp_path: Path
) -> None:
    for name in ("json", "select", "sitecustomize", "usercustomize", "startup"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the function got in')")
    poison = {
        "PYTHONHOME": str(tmp_path),
        "PYTHONPATH": str(tmp_path),
        "PYTHONSTARTUP": str(tmp_path / "startup.py"),
        "PYTHONVERBOSE": "1",
        "PYTHONWARNINGS": "error",
    }
    code = f"{PROMISED}; import sys; print(json.dumps([sys.prefix, sys.exec_prefix, sys.path]))"
    prefix, exec_prefix, path = json.loads(mounted(code, poison))
    assert prefix == exec_prefix == "/opt/faultlayer"
    assert all(entry.startswith(LIB) for entry in path)


def test_it_speaks_utf_8_whatever_the_locale(mounted: Callable[..., str]) -> None:
    for locale in ("C", "POSIX", "C.UTF-8", "xx_YY.ISO-8859-1"):
        settings = {"LC_ALL": locale, "LANG": locale}
        assert mounted("print('\\u00e9')", settings) == "é"


def test_all_that_the_extension_imports_now_or_later_is_there(
    alone: Callable[..., str], repository: Path
) -> None:
    extension = repository / "extension"
    wanted = set()
    for file in package_files(extension):
        wanted.add(".".join(file.with_suffix("").parts).removesuffix(".__init__"))
        found = imports((extension / file).read_text())
        wanted.update(name for need, name in found if need == "required")
    names = sorted(wanted)
    assert alone(f"for name in {names!r}: __import__(name)\nprint('all')") == "all"


def test_tracebacks_of_the_extension_show_its_source(mounted: Callable[..., str]) -> None:
    code = (
        "import faultlayer, linecache; "
        "name = faultlayer.__spec__.loader.get_code('faultlayer').co_filename; "
        "print(name, len(linecache.getlines(name)))"
    )
    name, lines = mounted(code).split()
    assert name == "/opt/faultlayer/src/faultlayer/__init__.py"
    assert int(lines) > 0


def test_host_names_and_dates_work(alone: Callable[..., str]) -> None:
    code = (
        "import _socket, time; "
        "print(_socket.getaddrinfo('127.0.0.1', 80)[0][4], time.strptime('7', '%d').tm_mday)"
    )
    assert alone(code) == "('127.0.0.1', 80) 7"
