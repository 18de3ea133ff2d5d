"""Start the shop: two functions under `faultlayer local`, PostgreSQL and Redis.

    examples/shop/run                                                   # untouched
    examples/shop/run --connect refuse --connect-hosts cache            # with faults of the front
    examples/shop/run --plan plan.json                                  # edit the plan meanwhile
    SHOP_FIX=limits examples/shop/run --connect blackhole --connect-hosts database

The front finds the others by the names `database`, `cache` and `back`. All other flags are those of
`faultlayer local`. Ctrl-C ends everything.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import servers

HERE = Path(__file__).resolve().parent
FAULTLAYER = [sys.executable, "-m", "faultlayer_cli"]
PORT, BACK_PORT = 9750, 9751  # if they are free
# An address each: the layer tells hosts apart by the name that was looked up for an address.
BACK, DATABASE, CACHE = "127.0.0.1", "127.0.0.2", "127.0.0.3"
TIMEOUT = 4  # seconds of the front
_TIMED_OUT = "Reset initiated: Timeout"  # the emulator's words
_START = 60.0  # seconds for a function to be served
_GRACE = 10.0
_SEED = """select json_object_agg(id, json_build_object('name', name, 'cents', cents)
order by place) from products"""


class Trouble(Exception):
    """The shop cannot start or continue; the message is for the user."""

    code = 1


class Mistake(Trouble):
    """A wrong argument; nothing was started."""

    code = 2


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="examples/shop/run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--listen", metavar="PORT", help=f"port of the shop [default: {PORT}, or any that is free]"
    )
    parser.add_argument("--plan", type=Path, metavar="FILE", help="read again whenever it changes")
    given, flags = parser.parse_known_args(arguments)
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    try:
        if os.environ.get("SHOP_FIX", "") not in ("", "limits"):
            raise Mistake(f"SHOP_FIX is {os.environ['SHOP_FIX']}; allowed: limits, or nothing")
        if given.plan is not None and not given.plan.is_file():
            raise Mistake(f"--plan {given.plan} is not there; allowed: a file, at first with {{}}")
        if reason := cannot_run():
            raise Trouble(reason)
        with contextlib.ExitStack() as stack:
            shop = Shop(stack, given.listen, given.plan)
            shop.start(flags)
            shop.watch()
    except KeyboardInterrupt:
        return 0
    except Trouble as trouble:
        print(f"shop: {trouble}", file=sys.stderr)
        return trouble.code
    except (servers.Missing, servers.NotStarted) as trouble:
        print(f"shop: {trouble}", file=sys.stderr)
        return 1
    return 0


def cannot_run() -> str:
    """The reason that this machine cannot run the shop; else empty."""
    try:
        from faultlayer_cli.running.launch import refusal
    except ImportError:
        return "faultlayer is not here; in a checkout, `make demo` sets it up"
    # In a container a function would not reach the servers at this machine's loopback addresses.
    return refusal() or servers.missing()


class Shop:
    """The servers and the functions. All end with the stack."""

    def __init__(self, stack: contextlib.ExitStack, port: str | None, plan: Path | None) -> None:
        self._stack = stack
        self._port = port or str(servers.free_port("127.0.0.1", PORT))
        self._plan = plan
        self._planned = b""
        self._functions: list[Function] = []
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="faultlayer-shop-"))
        self._folder = Path(name)

    def start(self, flags: Sequence[str]) -> None:
        """Start all; return as soon as customers can come."""
        packages = dependencies()
        back_port = servers.free_port(BACK, BACK_PORT)
        database_port = servers.free_port(DATABASE, 5432)
        cache_port = servers.free_port(CACHE, 6379)
        front = self._folder / "front"
        shutil.copytree(packages, front)
        shutil.copytree(HERE / "front", front, dirs_exist_ok=True)
        self._bring_plan()
        self._serve(
            "front",
            front,
            self._port,
            ["--function-timeout", str(TIMEOUT)]
            + ["--add-host", f"database:{DATABASE}", "--add-host", f"cache:{CACHE}"]
            + ["--add-host", f"back:{BACK}"]
            + ["-e", f"TABLE=postgresql://shop@database:{database_port}/shop"]
            + ["-e", f"CACHE=redis://cache:{cache_port}", "-e", f"BACK=http://back:{back_port}/"]
            + ["-e", "SHOP_FIX"]
            + (["--plan", "file:/var/task/plan.json", "--poll", "1s"] if self._plan else [])
            + list(flags),
        )
        self._serve("back", HERE / "back", str(back_port), [])
        self._stack.enter_context(servers.postgres(DATABASE, database_port))
        self._stack.enter_context(servers.redis(CACHE, cache_port))
        servers.run_psql(DATABASE, database_port, (HERE / "products.sql").read_text())
        prices = servers.run_psql(DATABASE, database_port, _SEED)
        servers.redis_command(CACHE, cache_port, "SET", "prices", prices)
        for function in self._functions:
            function.wait_until_served()
        with urllib.request.urlopen(f"http://{BACK}:{back_port}/", timeout=_START):
            pass  # its cold start is over
        print(f"shop: open at http://127.0.0.1:{self._port}/ until you press Ctrl-C", flush=True)

    def watch(self) -> None:
        """Copy changes of the plan, until Ctrl-C or a function's end."""
        while True:
            time.sleep(0.2)
            self._bring_plan()
            for function in self._functions:
                function.check()

    def _bring_plan(self) -> None:
        """Copy the plan to the front's folder, if it has changed."""
        if self._plan is None:
            return
        with contextlib.suppress(OSError):  # an editor is just replacing it
            text = self._plan.read_bytes()
            if text != self._planned:
                new = self._folder / "plan.json"
                new.write_bytes(text)
                new.replace(self._folder / "front" / "plan.json")
                self._planned = text

    def _serve(self, name: str, folder: Path, port: str, options: Sequence[str]) -> None:
        function = Function(name, folder, port, options)
        self._functions.append(function)
        self._stack.callback(function.close)


class Function:
    """A function behind a function URL: `faultlayer local --http`.

    Its log is printed here.
    """

    def __init__(self, name: str, folder: Path, port: str, options: Sequence[str]) -> None:
        self._name = name
        self._served = threading.Event()
        environment = dict(os.environ)
        if name == "back":  # faults are the front's
            environment = {k: v for k, v in environment.items() if not k.startswith("FAULTLAYER_")}
        command = [*FAULTLAYER, "local", str(folder), "--http"]
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "--", *command, "--listen", port, *options],
            env=environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C on the terminal reaches us alone
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if " answers at " in line:
                self._served.set()
            if _TIMED_OUT in line:
                print(f"{self._name}: timed out, and was ended", flush=True)
            elif self._interesting(line):
                print(f"{self._name}: {line}", end="", flush=True)
        self._served.set()

    def _interesting(self, line: str) -> bool:
        """True for lines worth printing.

        Lines about the emulator, and about calling a function by itself, are not.
        """
        if not line.strip():
            return False
        if line.startswith("faultlayer: "):
            return self._name == "front" and " answers at " not in line
        return not line.startswith(("emulator: ", "  curl "))

    def wait_until_served(self) -> None:
        if not self._served.wait(_START):
            raise Trouble(f"the {self._name} was not served within {_START:.0f} seconds")
        self.check()

    def check(self) -> None:
        if (code := self._process.poll()) is not None:
            kind = Mistake if code == Mistake.code else Trouble
            raise kind(f"the {self._name} has ended with exit code {code}")

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def dependencies() -> Path:
    """The folder of the front's packages, in the versions of requirements.txt."""
    wanted = HERE / "requirements.txt"
    key = hashlib.sha256(wanted.read_bytes()).hexdigest()[:12]
    folder = HERE / "build" / f"{sys.implementation.cache_tag}-{key}"
    if folder.is_dir():
        return folder
    print("shop: fetching psycopg and redis (once)", flush=True)
    folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        target = Path(name, "packages")
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        options += ["--only-binary", ":all:", "--target", str(target)]
        command = [sys.executable, "-m", "pip", "install", *options, "-r", str(wanted)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["it says nothing"]
            raise Trouble(f"pip cannot fetch them: {said[-1]}")
        with contextlib.suppress(OSError):  # another run was quicker
            target.replace(folder)
    return folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
