"""Compiles modules to bytecode that is never checked against a source.

Reads [[source, target, name shown in tracebacks], …] as JSON. Run by the interpreter that will
load the result, with a fixed hash seed and in the given order, which makes the bytes repeat.
"""

import __future__

import importlib.util
import json
import marshal
import sys

POSTPONED = b"from __future__ import annotations\n"
UNCHECKED = b"\1\0\0\0"  # the flags of a .pyc that is never checked: PEP 552


def compiled(source: bytes, shown: str) -> bytes:
    """The bytes of a .pyc file.

    Docstrings go: they are a tenth of the bytes, and of the time to load them. Annotations are
    postponed by a flag instead of the statement, which would load `__future__` (0.1 ms).
    """
    flags = __future__.annotations.compiler_flag if POSTPONED in source else 0
    text = source.replace(POSTPONED, b"\n", 1)  # a line stays, so that line numbers stay
    code = compile(text, shown, "exec", flags, dont_inherit=True, optimize=2)
    head = importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(source)
    return head + marshal.dumps(code)


def main() -> None:
    for source, target, shown in json.load(sys.stdin):
        with open(source, "rb") as file:
            content = file.read()
        try:
            result = compiled(content, shown)
        except SyntaxError as error:
            sys.exit(f"{source}: {error}")
        with open(target, "wb") as file:
            file.write(result)


main()
