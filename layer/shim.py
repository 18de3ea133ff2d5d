"""The shim for each architecture: committed, and rebuilt after a change.

    shim/*.c, *.h ──zig cc──> shim/built/<arch>.so and <arch>.start, and shim/built/digests

Most people never change the shim, and the compiler is a download of 100 MB: so the libraries are
committed, and `make shim` makes them anew. Their bytes depend on the sources, the flags and the
compiler's version alone: `digests` has the sum of all these and of each library. CI compiles again
and compares.
"""

from __future__ import annotations

import fcntl
import hashlib
import sys
from pathlib import Path

from layer.report import BuildError, run, say

_TRIPLES = {"x86_64": "x86_64-linux-gnu.2.17", "arm64": "aarch64-linux-gnu.2.17"}
_FLAGS = (  # noqa: SIM905
    "-std=c11 -Os -Wall -Wextra -Werror -nostdlib -ffreestanding -fvisibility=hidden "
    "-fno-stack-protector -fno-sanitize=all -fno-asynchronous-unwind-tables -fno-unwind-tables "
    "-Wl,-z,noexecstack -Wl,--build-id=none -s"
).split()
_LIBRARY = ["-fPIC", "-shared", "-Wl,-soname,libfaultlayer-shim.so", "-Wl,-z,now,-z,relro"]
_PROGRAM = ["-static", "-fno-pie", "-no-pie"]
# What is made for each architecture: its ending, its source, its own flags, its mode.
_MADE = (
    ("so", "shim.c", _LIBRARY, 0o644),
    ("start", "start.c", _PROGRAM, 0o755),
)


def library(root: Path, arch: str) -> Path:
    """The shim's library for one architecture; compiles it first if a source has changed."""
    return _built(root) / f"{arch}.so"


def program(root: Path, arch: str) -> Path:
    """The file of `faultlayer-start` for this architecture."""
    return _built(root) / f"{arch}.start"


def _built(root: Path) -> Path:
    """The folder of all built files, up to date."""
    built = root / "shim" / "built"
    if not is_current(root, built):
        compile_all(root, built)
    return built


def is_current(root: Path, built: Path) -> bool:
    """True if the libraries belong to the sources, by their digests."""
    try:
        return (built / "digests").read_text() == _digests(root, built)
    except OSError:
        return False


def compile_all(root: Path, target: Path) -> None:
    """Compile the shim for all architectures into this folder."""
    zig = compiler(root)
    target.mkdir(parents=True, exist_ok=True)
    for arch, triple in _TRIPLES.items():
        say(f"{arch}: compiling the shim")
        for ending, source, flags, mode in _MADE:
            fresh = target / f"{arch}.new"
            options: list[str | Path] = ["-target", triple, *_FLAGS, *flags, "-o", fresh]
            run([*zig, "cc", *options, root / "shim" / source], "compiling the shim")
            fresh.chmod(mode)
            fresh.rename(target / f"{arch}.{ending}")
    (target / "digests").write_text(_digests(root, target))


def _digests(root: Path, built: Path) -> str:
    lines = [f"{_inputs(root)}  inputs"]
    for arch in _TRIPLES:
        for ending, *_ in _MADE:
            path = built / f"{arch}.{ending}"
            lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")
    return "\n".join(lines) + "\n"


def _inputs(root: Path) -> str:
    """A digest of the sources, the flags and the compiler's version."""
    total = hashlib.sha256(" ".join([*_FLAGS, *_LIBRARY, *_PROGRAM, *_TRIPLES.values()]).encode())
    sources = sorted((root / "shim").glob("*.[ch]"))
    for path in [*sources, root / "layer" / "zig.txt"]:
        total.update(f"\n{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    return total.hexdigest()


def compiler(root: Path) -> list[str | Path]:
    """The command of the compiler, from an environment of its own."""
    wanted = root / "layer" / "zig.txt"
    venv = root / "build" / f"zig-{hashlib.sha256(wanted.read_bytes()).hexdigest()[:12]}"
    python = venv / "bin" / "python"
    venv.parent.mkdir(exist_ok=True)
    with (venv.parent / ".zig.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two builds at once: the second waits
        if not (venv / "ready").is_file():
            _install(venv, wanted)
    if not python.is_file():
        raise BuildError(f"the shim's compiler is gone: remove {venv}")
    return [python, "-m", "ziglang"]


def _install(venv: Path, wanted: Path) -> None:
    say("fetching the shim's compiler (once; pip downloads about 100 MB)")
    hint = "the shim's compiler needs an environment of its own (Debian: python3-venv)"
    run([sys.executable, "-m", "venv", "--clear", venv], hint)
    install = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes"]
    python = venv / "bin" / "python"
    run([python, *install, "--only-binary", ":all:", "-r", wanted], "installing ziglang")
    (venv / "ready").touch()


if __name__ == "__main__":
    home = Path(__file__).resolve().parent.parent
    compile_all(home, Path(sys.argv[1]) if len(sys.argv) > 1 else home / "shim" / "built")
