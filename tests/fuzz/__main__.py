"""`python -m tests.fuzz`: every target for some seconds, guided by what code each input reaches.

It promises a table of what was run, exit code 1 where a target failed, and each failing input, as
small as it gets, in tests/fuzz/regressions, where the tests try it from then on. What reaches new
code is kept in build/fuzz for the next run.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "extension")]

FOUND = ROOT / "build" / "fuzz"
_LONGEST = 4096  # bytes of an input
_HANGS = 25  # seconds for one input
_MINIMISING = 30.0  # seconds for one failure
_ENDING = 300  # seconds beyond its time until a target that does not end is killed
_MODULES = ("faultlayer",)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("targets", nargs="*", help="default: all")
    return parser.parse_args()


# -- in a process of its own for each target --------------------------------------------------


def inside(name: str, folder: str, options: argparse.Namespace) -> None:
    """Fuzz until the time is over or an input fails; never returns."""
    import atheris

    with atheris.instrument_imports(include=list(_MODULES)):
        package = ROOT / "extension"
        for path in sorted(package.rglob("*.py")):
            if path.stem not in ("__init__", "main"):
                __import__(".".join(path.relative_to(package).with_suffix("").parts))
        from fuzz.targets import TARGETS
    words = Path(folder) / "words"
    words.write_text("\n".join(_words(name)) + "\n")
    atheris.Setup([name, f"-dict={words}", *_given(name, folder, options)], TARGETS[name])
    atheris.Fuzz()


def _given(name: str, folder: str, options: argparse.Namespace) -> list[str]:
    """The arguments for libFuzzer, with the folders of inputs.

    New inputs go into the first folder.
    """
    from fuzz.targets import CORPUS, REGRESSIONS

    kept = FOUND / name
    kept.mkdir(parents=True, exist_ok=True)
    seeds = [str(path / name) for path in (CORPUS, REGRESSIONS) if (path / name).is_dir()]
    given = [f"-max_total_time={options.seconds}", f"-timeout={_HANGS}", f"-max_len={_LONGEST}"]
    given += [f"-artifact_prefix={folder}/", "-print_final_stats=1"]
    return [*given, f"-seed={options.seed}", "-rss_limit_mb=1024", str(kept), *seeds]


def compiled(name: str, folder: str, options: argparse.Namespace) -> list[str]:
    """The command that fuzzes a target in C."""
    from fuzz.native import PROGRAMS

    return [str(PROGRAMS[name](guided=True)), *_given(name, folder, options)]


def _words(name: str) -> Iterator[str]:
    """What inputs of this target are made of."""
    from faultlayer.faults import all_faults
    from faultlayer.vocabulary.registry import GLOBALS

    said: set[str] = set()
    if name in ("variables", "plans", "values"):
        for option in GLOBALS:
            said |= {option.name, option.name.lower(), str(option.kind.example)}
        for fault in all_faults():
            for variable, option in fault.variables().items():
                said |= {variable.removeprefix("FAULTLAYER_"), option.name}
                said.add(str(option.kind.example))
            said |= {fault.name, *(peer.name for peer in fault.equivalents)}
    elif name in ("requests", "answers", "heads", "chunks"):
        said |= {"Content-Length: ", "Transfer-Encoding: chunked", "Connection: close", "\r\n\r\n"}
        said |= {
            "HTTP/1.1",
            "HTTP/1.0",
            "POST ",
            "GET ",
            "\r\n ",
            "0\r\n\r\n",
            "Expect: 100-continue",
        }
    elif name == "questions":
        said |= {"F\1C\0", "F\1R\0", "F\1L\0", "F\1P\0", "F\1H\0", "F\1C\1"}
        said |= {"gone.test", "slow", "refused", "\2\0", "\n\0", "\0\x14", "\0\x20"}
    else:
        said |= {"equals", "prefix", "regex", "exists", "in", "as", "text", "qualifier", "headers"}
        said |= {"statusCode", "body", "isBase64Encoded", "batchItemFailures", "null", "\0" * 8}
        said |= {"(?:", "(?i)", "\\b", "\\B", "\\w", "[^", "{2,}", "|", "$", "\\Z"}
    for word in sorted(word for word in said if word and len(word) < 60):
        escaped = "".join(f"\\x{byte:02x}" for byte in word.encode())
        yield f'"{escaped}"'


# -- around it --------------------------------------------------------------------------------


def fails(target: Callable[[bytes], None], data: bytes) -> str:
    """The kind of error that this input raises; empty where it raises none."""
    try:
        target(data)
    except Exception as error:
        return type(error).__name__
    return ""


def minimised(target: Callable[[bytes], None], data: bytes) -> bytes:
    """The input without all that its failure does not need."""
    kind, until = fails(target, data), time.monotonic() + _MINIMISING
    size = len(data) // 2
    while kind and size and time.monotonic() < until:
        at = 0
        while at < len(data):
            less = data[:at] + data[at + size :]
            if fails(target, less) == kind:
                data = less
            else:
                at += size
        size //= 2
    return data


def keep(name: str, target: Callable[[bytes], None], artifact: Path) -> Path:
    """Put a failing input where the tests find it."""
    from fuzz.targets import REGRESSIONS

    data = artifact.read_bytes()
    if artifact.name.startswith("crash-"):
        data = minimised(target, data)
    folder = REGRESSIONS / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{artifact.name.partition('-')[0]}-{sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    return path


def run(name: str, target: Callable[[bytes], None], options: argparse.Namespace) -> dict[str, Any]:
    """One target in a process of its own; what came of it."""
    from fuzz.native import PROGRAMS

    with tempfile.TemporaryDirectory(prefix="faultlayer-fuzz-") as folder:
        if name in PROGRAMS:
            argv = compiled(name, folder, options)
        else:
            argv = [sys.executable, "-m", "tests.fuzz", "--inside", name, folder]
            argv += [f"--seconds={options.seconds}", f"--seed={options.seed}"]
        done = subprocess.run(
            argv, cwd=ROOT, check=False, capture_output=True, text=True, errors="replace",
            timeout=options.seconds + _ENDING,
        )  # fmt: skip
        artifacts = [path for path in Path(folder).iterdir() if path.name != "words"]
        failed = [str(keep(name, target, path).relative_to(ROOT)) for path in artifacts]
    said = done.stderr
    counted = re.search(r"stat::number_of_executed_units:\s*(\d+)", said)
    covered = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", said)
    cov, features, inputs = map(int, covered[-1]) if covered else (0, 0, 0)
    why = ""
    if done.returncode:
        lines = [line for line in (said + done.stdout).splitlines() if line.strip()]
        traced = [at for at, line in enumerate(lines) if "Traceback" in line or "ERROR" in line]
        why = "\n".join(lines[traced[0] if traced else -20 :][:30])
    return {
        "target": name,
        "executions": int(counted[1]) if counted else 0,
        "covered": cov,
        "features": features,
        "inputs": inputs,
        "failed": failed,
        "why": why,
    }


def main() -> int:
    options = arguments()
    if options.inside:
        inside(*options.targets, options)
    try:
        import atheris  # noqa: F401
    except ImportError as error:
        missing = os.environ.get("CI") == "true"
        print(f"{'failed' if missing else 'skipped'}: {error} (atheris is made for Linux on x86_64 "
              "and CPython 3.10 to 3.14)")  # fmt: skip
        return int(missing)
    from fuzz.native import MissingError
    from fuzz.targets import TARGETS

    print(f"{'target':<13}{'executions':>12}{'code':>7}{'features':>10}{'inputs':>8}  failures")
    results: list[dict[str, Any]] = []
    missing = False
    pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)))  # each target is a process
    names = options.targets or TARGETS
    for name, running in {n: pool.submit(run, n, TARGETS[n], options) for n in names}.items():
        try:
            found = running.result()
        except MissingError as error:
            print(f"{name:<13}not run: {error}")
            missing = missing or os.environ.get("CI") == "true"
            continue
        results.append(found)
        counts = f"{found['executions']:>12,}{found['covered']:>7,}{found['features']:>10,}"
        failed = ", ".join(found["failed"]) or "-"
        print(f"{name:<13}{counts}{found['inputs']:>8,}  {failed}", flush=True)
        if found["why"]:
            print(found["why"])
    FOUND.mkdir(parents=True, exist_ok=True)
    (FOUND / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    total = sum(found["executions"] for found in results)
    wrong = sum(bool(found["why"] or found["failed"]) for found in results)
    print(f"{total:,} executions, {wrong} of {len(results)} targets failed")
    return 1 if wrong or missing else 0


if __name__ == "__main__":
    sys.exit(main())
