"""The recipe's parts that decide without building: hosts, package sources, modules."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from layer import host, modules, sources
from layer.report import BuildError

SUITES = frozenset({"bookworm", "bookworm-updates", "bookworm-security"})


@pytest.mark.parametrize(
    ("name", "version", "python"),
    [("debian", "12", "3.11"), ("debian", "13", "3.13"), ("ubuntu", "24.04", "3.12")],
)
def test_the_interpreter_follows_the_distribution(name: str, version: str, python: str) -> None:
    found = host.distribution({"ID": name, "VERSION_ID": version})
    assert found is not None
    assert f"python{python}-minimal" in found.packages


def test_any_other_machine_builds_in_a_container_and_keeps_its_files() -> None:
    assert host.distribution({"ID": "fedora", "VERSION_ID": "41"}) is None
    assert host.distribution({"ID": "arch"}) is None
    command = host.container_command(Path("/src/faultlayer"), ["arm64"], "1000:1000")
    assert command[:3] == ["docker", "run", "--rm"]
    assert host.IMAGE in command
    assert command[-1] == "arm64"
    assert "chown -R 1000:1000" in " ".join(command)


def test_without_docker_it_says_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(BuildError, match="Debian 12, Debian 13 or Ubuntu 24.04 .* docker"):
        host.build_in_container(Path("/"), [])


def test_a_sources_file_keeps_its_mirror_and_key_and_loses_other_suites() -> None:
    text = """\
# a comment
Types: deb deb-src
URIs: http://mirror.invalid/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main
Architectures: amd64
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://other.invalid/
Suites: stable
Components: main

Enabled: no
Types: deb
URIs: http://off.invalid/
Suites: bookworm
Components: main
"""
    assert (
        sources.deb822(text, SUITES)
        == """\
Types: deb
URIs: http://mirror.invalid/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

"""
    )


def test_a_key_written_into_a_sources_file_stays_whole() -> None:
    key = "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n"
    text = f"Types: deb\nURIs: http://mirror.invalid/\nSuites:\n bookworm\n other\n{key}"
    kept = sources.deb822(text, SUITES)
    assert "Suites: bookworm\n" in kept
    assert "other" not in kept
    assert key in kept


def test_a_list_file_keeps_its_options_and_loses_other_suites() -> None:
    text = """\
deb [arch=amd64 signed-by=/k.gpg] http://mirror.invalid/debian bookworm main contrib
deb http://mirror.invalid/debian bookworm-security main # a comment
deb-src http://mirror.invalid/debian bookworm main
# deb http://off.invalid/ bookworm main
deb https://vendor.invalid/ vendor-pgdg main
"""
    assert (
        sources.one_line(text, SUITES)
        == """\
deb [signed-by=/k.gpg] http://mirror.invalid/debian bookworm main contrib
deb http://mirror.invalid/debian bookworm-security main
"""
    )


def test_a_vendors_source_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb http://mirror.invalid/debian bookworm main\n")
    (tmp_path / "sources.list.d" / "vendor.list").write_text(
        "deb http://v.invalid/ nodistro main\n"
    )
    (tmp_path / "sources.list.d" / "old.list.save").write_text(
        "deb http://x.invalid/ bookworm main\n"
    )
    assert list(sources.narrowed(tmp_path, "bookworm")) == ["sources.list"]


def test_imports_are_found_however_deep_and_guarded_ones_may_be_missing() -> None:
    source = """\
from typing import TYPE_CHECKING
from . import values
if TYPE_CHECKING:
    import decimal
try:
    import orjson
except ImportError:
    import json
def later():
    from json import encoder
"""
    found = set(modules.imports(source))
    assert ("optional", "orjson") in found
    assert ("required", "json") in found
    assert ("optional", "json.encoder") in found
    assert not {name for _, name in found} & {"decimal", "values", ""}


def test_only_modules_of_the_package_are_shipped(tmp_path: Path) -> None:
    keep = ("__init__.py", "main.py", "faults/latency.py")
    leave = (".#main.py", "main.py.orig", "a-b.py", "tests/test_main.py", "__pycache__/m.pyc")
    for name in (*keep, *leave):
        path = tmp_path / "faultlayer" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = [str(path) for path in modules.package_files(tmp_path)]
    assert found == sorted(f"faultlayer/{name}" for name in keep)


def test_codec_names_lead_only_to_codecs_that_are_there() -> None:
    table = "aliases = {'u8': 'utf_8', '646': 'ascii', '037': 'cp037'}\n"
    files = ["encodings/__init__.py", "encodings/utf_8.py", "encodings/ascii.py", "os.py"]
    trimmed = modules.trimmed_aliases(table, files)
    assert ast.literal_eval(trimmed.removeprefix("aliases = ")) == {"u8": "utf_8", "646": "ascii"}
