"""The faults, one file each, named after it. This package lists its own folder.

    targeting ──decide(options, invocation, draw)──> a fault ──> an action, as data ──> acting

A fault decides, and has no effect of its own. Rate, match, limit, dry run and the kill switch are
applied in `targeting`, once for all faults. A new fault is a new file here with a `FAULT` in it,
and nothing else. Finding a fault by name imports that file alone: each other file would make cold
starts longer.

A fault never imports another fault, nor anything that acts, holds or sends.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.vocabulary.registry import Fault


def find_fault(name: str) -> Fault | None:
    """The fault of this name; None if there is none."""
    if not (name.isascii() and name.isalpha() and name.islower()):
        return None
    module = "faultlayer.faults." + name
    try:
        fault: Fault = __import__(module, None, None, ("FAULT",)).FAULT
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        return None
    return fault


def fault_names() -> list[str]:
    """The names of all faults, in alphabetical order."""
    import posix

    found = {
        file.partition(".")[0]
        for file in posix.listdir(next(iter(__path__)))
        if file.endswith((".py", ".pyc"))
    }
    return sorted(name for name in found if not name.startswith("_"))


def all_faults() -> list[Fault]:
    """Every fault, in the order in which they are applied."""
    found = [fault for fault in map(find_fault, fault_names()) if fault]
    return sorted(found, key=lambda fault: fault.order)
