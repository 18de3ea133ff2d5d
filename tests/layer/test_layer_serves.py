"""The extension itself in a root file system that holds /opt and an empty /tmp, nothing else."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from fakes.runtime import Runtime
from fakes.runtime_api import RuntimeApi

FAULT = {"FAULTLAYER_STATUS": "503", "FAULTLAYER_STATUS_MAX": "1"}
IN_EMPTY_ROOT = 'mount --bind "$1" "$2/opt"; exec chroot "$2" /opt/extensions/faultlayer'


def address(root: Path) -> tuple[str, int]:
    """The published address, once it is there."""
    published = root / "tmp" / ".faultlayer"
    end = time.monotonic() + 10
    while not published.exists() and time.monotonic() < end:
        time.sleep(0.01)
    host, _, port = published.read_text().split()[0].partition(":")
    return host, int(port)


def test_it_registers_proxies_and_leaves_in_an_otherwise_empty_root(
    opt: Path, namespaces: None, tmp_path: Path
) -> None:
    for folder in ("opt", "tmp"):
        (tmp_path / folder).mkdir()
    with RuntimeApi() as api:
        extension = subprocess.Popen(
            ["unshare", "-rm", "sh", "-euc", IN_EMPTY_ROOT, "sh", str(opt), str(tmp_path)],
            env={**os.environ, **FAULT, "AWS_LAMBDA_RUNTIME_API": api.host},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            api.wait_polls(1)
            assert len(api.registrations) == 1
            with Runtime(address(tmp_path)) as runtime:
                hit, spared = api.invoke(), api.invoke(b'{"order":1}')
                event = runtime.next()
                assert event.content == b'{"order":1}'
                assert hit.result().json["statusCode"] == 503
                runtime.respond(event, b'"done"')
                assert spared.result().content == b'"done"'
            api.shutdown()
            printed, _ = extension.communicate(timeout=10)
        finally:
            extension.kill()
    assert extension.returncode == 0
    assert printed.count('"event":"fault_injected"') == 1
    assert not (tmp_path / "tmp" / ".faultlayer").exists()
