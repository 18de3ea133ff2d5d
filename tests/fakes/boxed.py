"""The extension as a process with a small /tmp of its own, and what it leaves when it is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from fakes.holding import SMALL_TMP
from fakes.proxied import EXTENSION, ROOT, Address, log_lines, soon
from faultlayer_cli.running.namespaces import unshare_command
from rie.held import descendants

SIZE = 64  # MB of /tmp
_SETUP = SMALL_TMP.replace('exec "$@"', '"$@" </dev/null; read line')
_CODE = "import sys; sys.path.insert(0, sys.argv[1]); from faultlayer.main import main; main()"


class Boxed:
    """It ends with the `with` block at the latest; its /tmp stays until then."""

    def __init__(self, runtime_api: str, log: Path, **variables: str) -> None:
        self._log = log
        environ = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/faultlayer-wrapper",
        }
        program = [sys.executable, "-ISB", "-c", _CODE, str(EXTENSION)]
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [
                    *unshare_command(),
                    "--",
                    "sh",
                    "-c",
                    _SETUP,
                    "sh",
                    str(ROOT),
                    f"{SIZE}m",
                    *program,
                ],
                env=environ | variables,
                stdin=subprocess.PIPE,
                stdout=out,
            )

    def __enter__(self) -> Boxed:
        assert soon(lambda: self._published().exists() and self._published().read_text(), 20)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self._process.communicate(timeout=60)

    @property
    def tmp(self) -> Path:
        return Path(f"/proc/{self._process.pid}/root/tmp")

    def _published(self) -> Path:
        return self.tmp / ".faultlayer"

    @property
    def address(self) -> Address:
        host, _, port = self._published().read_text().split()[0].rpartition(":")
        return host, int(port)

    @property
    def log(self) -> list[dict[str, Any]]:
        return log_lines(self._log.read_text())

    def injected(self) -> list[str]:
        return [line["fault"] for line in self.log if line["event"] == "fault_injected"]

    def pid(self) -> int | None:
        """The extension's process id; None where it is gone."""
        for pid, line in descendants(self._process.pid).items():
            if line.startswith(os.fsencode(sys.executable)) and b"faultlayer.main" in line:
                return pid
        return None

    def kill(self) -> None:
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def burdens(self) -> list[int]:
        found = descendants(self._process.pid).items()
        return [pid for pid, line in found if b"faultlayer.environment.load_process" in line]

    def everything(self) -> list[int]:
        """The extension and its burdens."""
        ours = (pid for pid in (self.pid(), *self.burdens()) if pid is not None)
        return list(ours)

    def files(self) -> set[str]:
        below = ROOT.relative_to("/tmp").parts[:1] if ROOT.is_relative_to("/tmp") else ()
        return set(os.listdir(self.tmp)).difference(below)

    def used(self) -> int:
        """MB that are taken of /tmp, in whole ones."""
        space = os.statvfs(self.tmp)
        return (space.f_blocks - space.f_bfree) * space.f_frsize >> 20
