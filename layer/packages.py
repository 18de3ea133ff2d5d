"""Debian packages by architecture, fetched without root and kept in `.cache/`.

A build with its packages cached needs no network. Only packages that the distribution itself signed
get in, whatever the machine's apt is told to trust. The machine's own apt state is never touched.
Binding: apt.conf(5), apt_preferences(5).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from layer import sources
from layer.host import Distribution
from layer.report import BuildError, run, say

DEBIAN_NAMES = {"x86_64": "amd64", "arm64": "arm64"}


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    file: str
    sha256: str


def fetch(root: Path, distro: Distribution, arch: str, refresh: bool) -> list[Package]:
    """The recipe's packages for one architecture, from the cache unless it lacks them."""
    folder = root / ".cache" / "layer" / f"{distro.codename}-{arch}"
    if not refresh:
        cached = _cached(folder, distro)
        if cached:
            return cached
    say(f"{arch}: fetching {len(distro.packages)} packages of {distro.origin} {distro.codename}")
    fresh = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=_made(folder.parent)))
    try:
        _download(_made(root / "build" / "apt" / folder.name), fresh, distro, arch)
        found = [_describe(path) for path in sorted(fresh.glob("*.deb"))]
        _check(found, distro)
        index = json.dumps([asdict(package) for package in found], indent=1)
        (fresh / "packages.json").write_text(index)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return found


def unpack(root: Path, distro: Distribution, arch: str, packages: list[Package]) -> Path:
    """A folder with the packages' files, as they would lie on a Debian machine."""
    digest = hashlib.sha256("".join(package.sha256 for package in packages).encode()).hexdigest()
    target = root / "build" / "root" / f"{arch}-{digest[:16]}"
    if target.is_dir():
        return target
    say(f"{arch}: unpacking")
    folder = root / ".cache" / "layer" / f"{distro.codename}-{arch}"
    for old in _made(target.parent).glob(f"{arch}-*"):
        shutil.rmtree(old)
    fresh = Path(tempfile.mkdtemp(prefix=f"{arch}-new-", dir=target.parent))
    for package in packages:
        deb = folder / package.file
        if _sha256(deb) != package.sha256:
            raise BuildError(f"{deb} is damaged; build.sh --refresh fetches it again")
        run(["dpkg-deb", "-x", deb, fresh], f"unpacking {package.file}")
    fresh.rename(target)
    return target


def _cached(folder: Path, distro: Distribution) -> list[Package] | None:
    try:
        found = [Package(**entry) for entry in json.loads((folder / "packages.json").read_text())]
    except (OSError, ValueError, TypeError):
        return None
    if {package.name for package in found} != set(distro.packages):
        return None
    return found if all((folder / package.file).is_file() for package in found) else None


def _download(
    work: Path, target: Path, distro: Distribution, arch: str, etc: Path = Path("/etc/apt")
) -> None:
    apt = ["apt-get", "-q", "-c", str(_configure(work, distro, arch, etc))]
    # A source that fails must not fail the build: whether the packages can be had decides.
    update = subprocess.run([*apt, "update"], check=False, text=True, capture_output=True)
    download = [*apt, "download", *distro.packages]
    done = subprocess.run(download, check=False, text=True, capture_output=True, cwd=target)
    if done.returncode:
        said = [_complaint(done.stderr), _complaint(update.stderr)]
        raise BuildError(f"fetching packages: {'; '.join(filter(None, said))}")


def _complaint(stderr: str) -> str:
    """The first error of apt's, else its first warning; may be empty."""
    lines = stderr.splitlines()
    return next((line for sign in ("E:", "W:") for line in lines if line.startswith(sign)), "")


def _configure(work: Path, distro: Distribution, arch: str, etc: Path) -> Path:
    """An apt.conf read after the machine's own, so its proxies and credentials stay in force."""
    # A list that an earlier build took under other rules would be believed without a signature.
    shutil.rmtree(work, ignore_errors=True)
    for folder in ("state/lists/partial", "cache/archives/partial"):
        _made(work / folder)
    (work / "state/status").touch()
    found = sources.of_machine(etc, distro.codename, distro.keyring)
    if not found.files:
        raise BuildError(f"no package source in {etc} has packages of {distro}")
    for address in found.trusted:
        say(f"{address} is marked as trusted: taken is only what {distro.origin} has signed")
    lists = work / "sources.list.d"
    lists.mkdir()
    for name, content in found.files.items():
        (lists / name).write_text(content, encoding="utf-8")
    (work / "preferences").write_text(
        f"Package: *\nPin: release o={distro.origin}\nPin-Priority: 990\n\n"
        "Package: *\nPin: version *\nPin-Priority: -1\n"
    )
    debian = DEBIAN_NAMES[arch]
    lines = [
        "#clear APT::Update::Post-Invoke;",
        "#clear APT::Update::Post-Invoke-Success;",
        "#clear APT::Architectures;",
        "#clear Acquire::Languages;",
        'Acquire::Languages "none";',
        'Acquire::Retries "3";',
        f'APT::Architecture "{debian}";',
        f'APT::Architectures "{debian}";',
        'APT::Sandbox::User "root";',
        # The machine may be told to trust; the layer's packages are signed, all of them.
        'APT::Get::AllowUnauthenticated "false";',
        'Acquire::AllowInsecureRepositories "false";',
        'Acquire::AllowWeakRepositories "false";',
        'Acquire::AllowDowngradeToInsecureRepositories "false";',
        f'Dir::State "{work}/state";',
        f'Dir::State::status "{work}/state/status";',
        f'Dir::Cache "{work}/cache";',
        f'Dir::Etc::preferences "{work}/preferences";',
        'Dir::Etc::preferencesparts "/dev/null";',
        'Dir::Etc::sourcelist "/dev/null";',
        f'Dir::Etc::sourceparts "{lists}";',
    ]
    path = work / "apt.conf"
    path.write_text("\n".join(lines) + "\n")
    return path


def _describe(deb: Path) -> Package:
    fields = run(["dpkg-deb", "-f", deb, "Package", "Version"], f"reading {deb.name}")
    values = dict(line.split(": ", 1) for line in fields.splitlines())
    return Package(values["Package"], values["Version"], deb.name, _sha256(deb))


def _check(found: list[Package], distro: Distribution) -> None:
    missing = set(distro.packages) - {package.name for package in found}
    if missing:
        raise BuildError(f"the package sources have no {', '.join(sorted(missing))}")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
