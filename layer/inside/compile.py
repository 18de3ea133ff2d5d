"""Compiles modules to bytecode that is never checked against a source.

Reads [[source, target, name shown in tracebacks], …] as JSON. Run by the interpreter that will
load the result, with a fixed hash seed and in the given order, which makes the bytes repeat.
"""

import json
import py_compile
import sys


def main() -> None:
    for source, target, shown in json.load(sys.stdin):
        try:
            py_compile.compile(
                source,
                cfile=target,
                dfile=shown,
                doraise=True,
                optimize=2,  # docstrings are a tenth of the bytes, and of the time to load them
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
        except py_compile.PyCompileError as error:
            sys.exit(f"{source}: {error.exc_value}")


main()
