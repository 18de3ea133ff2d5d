"""Imports what it is told to and prints which files of the standard library that took.

Run by the unpacked interpreter itself, so the list is that version's own. Must import nothing
on its own account: whatever it loads would end up in the layer.
"""

import sys


def main(extension: str, stdlib: str) -> None:
    sys.path[0:1] = []  # this script's own folder
    sys.path.append(extension)
    for line in sys.stdin:
        need, name = line.split()
        try:
            __import__(name)
        except ImportError as error:
            if need == "required":
                sys.exit(f"{name} does not import: {error}")
    for module in list(sys.modules.values()):
        origin = getattr(getattr(module, "__spec__", None), "origin", None)
        if origin and origin.startswith(stdlib + "/"):
            print(origin[len(stdlib) + 1 :])


main(*sys.argv[1:])
