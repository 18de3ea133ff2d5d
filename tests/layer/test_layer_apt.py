"""Package sources that lie: apt itself, and package sources of our own making in a folder.

Each has packages of the recipe's names, with a version that beats the distribution's, and says that
it is Debian. Only one that is signed with the distribution's key may bring a package in.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import pytest

import machine
from layer import host, packages
from layer.report import BuildError

DEBIAN = host.Distribution("Debian", "bookworm", "3.11")
CONTROL = """\
Package: {name}
Version: 99:1
Architecture: amd64
Maintainer: a stranger <nobody@example.invalid>
Description: tampered
"""


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, list[str]]]:
    """Makes a key of this name: its keyring, and the command that signs with it."""
    gpg = machine.program("gpg", "gnupg")

    def make(name: str) -> tuple[Path, list[str]]:
        home = tmp_path_factory.mktemp("k")
        home.chmod(0o700)
        command = [gpg, "--homedir", str(home), "--batch", "--yes", "--quiet", "--passphrase", ""]
        run(*command, "--quick-generate-key", f"{name} <k@example.invalid>", "ed25519", "sign")
        run(*command, "--output", home / "key.gpg", "--export")
        return home / "key.gpg", command

    return make


@pytest.fixture(scope="module")
def debian_key(key: Callable[[str], tuple[Path, list[str]]]) -> tuple[Path, list[str]]:
    """The key that stands for the distribution's own."""
    return key("Debian")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unsigned package source that says it is Debian bookworm."""
    machine.program("apt-get", "apt")
    root = tmp_path_factory.mktemp("repository")
    lists = root / "dists" / "bookworm" / "main" / "binary-amd64"
    lists.mkdir(parents=True)
    index = ""
    for name in DEBIAN.packages:
        control = CONTROL.format(name=name)
        (root / name / "DEBIAN").mkdir(parents=True)
        (root / name / "DEBIAN" / "control").write_text(control)
        deb = root / f"{name}.deb"
        run("dpkg-deb", "-Znone", "-b", root / name, deb)
        content = deb.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        index += f"{control}Filename: {deb.name}\nSize: {len(content)}\nSHA256: {digest}\n\n"
    (lists / "Packages").write_text(index)
    digest, size = hashlib.sha256(index.encode()).hexdigest(), len(index)
    (root / "dists" / "bookworm" / "Release").write_text(
        "Origin: Debian\nLabel: Debian\nSuite: oldstable\nCodename: bookworm\n"
        f"Date: {formatdate(usegmt=True)}\nArchitectures: amd64\nComponents: main\n"
        f"SHA256:\n {digest} {size} main/binary-amd64/Packages\n"
    )
    return root


@pytest.fixture
def signed(repository: Path) -> Callable[[list[str]], None]:
    """Signs the package source with this command's key; without one, removes its signature."""

    def sign(command: list[str]) -> None:
        release = repository / "dists" / "bookworm" / "Release"
        inline = release.with_name("InRelease")
        inline.unlink(missing_ok=True)
        if command:
            run(*command, "--output", inline, "--clearsign", release)

    return sign


@pytest.fixture
def fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, debian_key: tuple[Path, list[str]]
) -> Callable[[str, str], set[str]]:
    """The versions that a build takes, with this source as the machine's only one."""
    (tmp_path / "keyrings").mkdir()
    (tmp_path / "keyrings" / "debian-archive-keyring.gpg").write_bytes(debian_key[0].read_bytes())
    monkeypatch.setattr(host, "KEYRINGS", tmp_path / "keyrings")

    def fetch(name: str, source: str) -> set[str]:
        etc = tmp_path / "etc"
        (etc / "sources.list.d").mkdir(parents=True, exist_ok=True)
        (etc / "sources.list.d" / name).write_text(source)
        target = tmp_path / "fetched"
        target.mkdir(exist_ok=True)
        packages._download(tmp_path / "work", target, DEBIAN, "x86_64", etc)
        return {path.name for path in target.glob("*.deb")}

    return fetch


def test_what_the_distribution_signed_is_taken(
    repository: Path, signed: Callable, debian_key: tuple[Path, list[str]], fetched: Callable
) -> None:
    signed(debian_key[1])
    names = fetched("debian.list", f"deb [trusted=yes] file:{repository} bookworm main\n")
    assert len(names) == len(DEBIAN.packages)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.list", "deb [trusted=yes] file:{} bookworm main\n"),
        ("a.list", "deb [ Allow-Insecure=yes arch=amd64 ] file:{} bookworm main\n"),
        ("a.list", "deb [trusted=yes] file:{} ./dists/bookworm/main/binary-amd64/\n"),
        (
            "a.sources",
            "Types: deb\nURIs: file:{}\nSuites: bookworm\nComponents: main\nTrusted: yes\n",
        ),
    ],
)
def test_a_source_that_is_marked_trusted_brings_nothing_in(
    repository: Path,
    signed: Callable,
    fetched: Callable,
    capsys: pytest.CaptureFixture[str],
    name: str,
    source: str,
) -> None:
    signed([])
    with pytest.raises(BuildError) as refused:
        fetched(name, source.format(repository))
    assert f"file:{repository}" in str(refused.value)
    assert re.search("is not signed|does not have a Release file", str(refused.value))
    told = f"layer: file:{repository} is marked as trusted: taken is only what Debian has signed"
    assert told in capsys.readouterr().err.splitlines()


def test_the_key_of_somebody_else_is_no_signature_of_the_distribution(
    repository: Path,
    signed: Callable,
    fetched: Callable,
    key: Callable[[str], tuple[Path, list[str]]],
) -> None:
    keyring, sign = key("Debian")  # anyone may call a key so
    signed(sign)
    source = f"deb [signed-by={keyring} trusted=yes] file:{repository} bookworm main\n"
    with pytest.raises(BuildError, match="fetching packages"):
        fetched("vendor.list", source)


def test_a_package_that_was_changed_after_the_signature_is_refused(
    repository: Path, signed: Callable, debian_key: tuple[Path, list[str]], fetched: Callable
) -> None:
    signed(debian_key[1])
    deb = repository / "libc6.deb"
    content = deb.read_bytes()
    deb.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        with pytest.raises(BuildError, match="libc6.deb .*Hash Sum mismatch"):
            fetched("debian.list", f"deb file:{repository} bookworm main\n")
    finally:
        deb.write_bytes(content)


def test_a_missing_keyring_is_named(
    tmp_path: Path, repository: Path, fetched: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "KEYRINGS", tmp_path)
    with pytest.raises(BuildError, match="apt-get install debian-archive-keyring"):
        fetched("debian.list", f"deb file:{repository} bookworm main\n")
