"""The modules before registration: in one file, and no others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from layer import start

UNTIL_REGISTERED = """
import gc, posix, sys
import faultlayer
collecting = gc.isenabled()
from faultlayer import main
posix.environ.update(%r)
class Registering:
    def __init__(self, host, port):
        pass
    def register(self):
        gone = {name: type(module.__spec__.loader).__name__ for name, module in sys.modules.items()
                if name.startswith("faultlayer.")}
        print(json_of([gone, collecting]), flush=True)
        main._leave(0)
def json_of(value):
    from faultlayer.jsontext import dumps
    return dumps(value)
main.Extension = Registering
main.main()
"""
API = {b"AWS_LAMBDA_RUNTIME_API": b"127.0.0.1:9", b"_FAULTLAYER_ADDRESS": b"/tmp/.faultlayer-start"}


def loaded(mounted: Callable[..., str], **variables: str) -> tuple[dict[str, str], bool]:
    """The loaders of all modules at registration, and the garbage collector's state."""
    given = {name.encode(): value.encode() for name, value in variables.items()}
    found, collecting = json.loads(mounted(UNTIL_REGISTERED % {**API, **given}))
    return found, collecting


def names(short: tuple[str, ...]) -> set[str]:
    return {f"{start.PACKAGE}.{name}" for name in short}


def test_registration_reads_one_file_and_that_of_the_fault(mounted: Callable[..., str]) -> None:
    found, collecting = loaded(mounted, FAULTLAYER_LATENCY="1s")
    assert {name for name, loader in found.items() if loader == "type"} == names(start.ALWAYS)
    assert set(found) - names(start.ALWAYS) == {"faultlayer.faults.latency"}
    assert not collecting


def test_a_match_a_limit_and_hosts_are_in_it_too(mounted: Callable[..., str]) -> None:
    found, _ = loaded(
        mounted,
        FAULTLAYER_NETWORK="1s",
        FAULTLAYER_NETWORK_MATCH="a=b",
        FAULTLAYER_NETWORK_MAX="1",
    )
    assert set(found) - names((*start.ALWAYS, *start.SOMETIMES)) == {"faultlayer.faults.network"}
    assert names(start.SOMETIMES) <= set(found)


def test_none_of_them_has_a_file_of_its_own(opt: Path) -> None:
    library = next((opt / "faultlayer" / "lib").glob("python3.*"))
    files = {
        ".".join(path.relative_to(library).with_suffix("").parts).removesuffix(".__init__")
        for path in library.rglob("*.pyc")
    }
    assert not files & set(start.MODULES)
    for name in start.MODULES:
        assert (opt / "faultlayer" / "src" / name.replace(".", "/")).is_dir() or (
            opt / "faultlayer" / "src" / (name.replace(".", "/") + ".py")
        ).is_file()


def test_a_traceback_shows_their_source(mounted: Callable[..., str]) -> None:
    code = """
import linecache
from faultlayer.values.kinds import host_and_port
name = host_and_port.__code__.co_filename
print(name, linecache.getline(name, host_and_port.__code__.co_firstlineno).split("(")[0])
"""
    shown = mounted(code)
    assert shown == "/opt/faultlayer/src/faultlayer/values/kinds.py def host_and_port"
