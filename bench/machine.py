"""The machine of a run: versions and the layer's sizes, anonymous."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.tools import compiler

ROOT = Path(__file__).resolve().parent.parent


def _said(argv: Sequence[str], pattern: str) -> str | None:
    """The first match of the pattern in a command's output; else None."""
    try:
        done = subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, text=True)
    except OSError:
        return None
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found else None


def _field(path: str, name: str) -> str | None:
    try:
        rows = Path(path).read_text().splitlines()
    except OSError:
        return None
    return next((row.partition(":")[2].strip() for row in rows if row.startswith(name)), None)


def machine(cpu: int, load: tuple[float, float, float]) -> dict[str, object]:
    """`load`: the load averages before the run, which is a load itself."""
    return {
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_gib": round(
            int((_field("/proc/meminfo", "MemTotal") or "0").split()[0]) / (1 << 20)
        ),
        "kernel": re.match(r"[\d.]*\d", platform.release())[0],  # type: ignore[index]
        "arch": platform.machine(),
        "hypervisor": " hypervisor" in (_field("/proc/cpuinfo", "flags") or ""),
        "pinned_to": cpu,
        "load_average_before": [round(one, 2) for one in load],
    }


def versions(tree: Path) -> dict[str, str | None]:
    version = _said(["git", "describe", "--always", "--dirty", "--abbrev=10"], r"(\S+)")
    manifest = next(iter(sorted(tree.glob("faultlayer/lib/python3.*"))), None)
    return {
        "faultlayer": version,
        "layer's CPython": manifest.name.removeprefix("python") if manifest else None,
        "socat": _said(["socat", "-V"], r"socat version (\S+)") if shutil.which("socat") else None,
        "C compiler": _said([compiler(), "--version"], r"(.*)"),
    }


def sizes(tree: Path) -> dict[str, int] | None:
    """Bytes of the zip and of its content; None before `make build`."""
    zipped = tree.parent / f"faultlayer-{tree.name}.zip"
    if not tree.is_dir() or not zipped.is_file():
        return None
    files = [path for path in tree.rglob("*") if path.is_file() and not path.is_symlink()]
    return {
        "zip": zipped.stat().st_size,
        "unpacked": sum(path.stat().st_size for path in files),
        "files": len(files),
    }
