"""The faults, one file each, named after it. This package lists its own folder.

A fault decides and has no effect of its own: it returns an action of `vocabulary.actions`. Rates,
limits, dry run and the kill switch are applied elsewhere, once. A new fault is a new file here with
a `FAULT` in it, and nothing else. No fault imports another.

Finding a fault by name imports that file alone: every other one would slow down each cold start.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from faultlayer.vocabulary.registry import Fault


def find_fault(name: str) -> Fault | None:
    """The fault of this name; None where there is none."""
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
