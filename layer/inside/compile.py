"""Compile modules to bytecode that is never checked against a source.

Reads [[source, target, name shown in tracebacks, those that go into the same file], …] as JSON, the
last a list of [module, source, name shown in tracebacks, is it a package]. Run by the interpreter
that will load the result, with a fixed hash seed and in the given order, which makes the bytes
repeat.
"""

import __future__

import importlib.util
import json
import marshal
import os
import sys
from types import CodeType

POSTPONED = b"from __future__ import annotations\n"
TOGETHER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "together.py")
UNCHECKED = b"\1\0\0\0"  # the flags of a .pyc that is never checked: PEP 552


def code_of(source: bytes, shown: str) -> CodeType:
    """The code of a module.

    Docstrings go: they are a tenth of the bytes, and of the time to load them. Annotations are
    postponed by a flag instead of the statement, which would load `__future__` (0.1 ms).
    """
    flags = __future__.annotations.compiler_flag if POSTPONED in source else 0
    text = source.replace(POSTPONED, b"\n", 1)  # a line stays, so that line numbers stay
    code: CodeType = compile(text, shown, "exec", flags, dont_inherit=True, optimize=2)
    return code


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def with_others(source: bytes, others: list[tuple[str, str, str, bool]]) -> bytes:
    """A package's source with the code of other modules inside."""
    code = {name: marshal.dumps(code_of(read(path), shown)) for name, path, shown, _ in others}
    packages = [name for name, _, _, is_package in others if is_package]
    return source + read(TOGETHER) + f"\n_hold({code!r}, {packages!r})\n".encode()


def main() -> None:
    for source, target, shown, others in json.load(sys.stdin):
        try:
            content = with_others(read(source), others) if others else read(source)
            code = code_of(content, shown)
        except SyntaxError as error:
            sys.exit(f"{error.filename or source}: {error}")
        head = importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(content)
        with open(target, "wb") as file:
            file.write(head + marshal.dumps(code))


main()
