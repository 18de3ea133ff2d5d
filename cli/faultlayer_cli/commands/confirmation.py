"""Have the user type a word before something is changed; without a terminal nobody can.

Nothing is read from a pipe or a file: it may be the list that a script is reading.
"""

from __future__ import annotations

import sys

from faultlayer_cli import terminal
from faultlayer_cli.errors import Failure, Mistake


def ask(word: str, nothing: str, about: str = "") -> None:
    """Go on only if the user types this word. `nothing` says that nothing was done yet.

    Raises Mistake if it is not typed, Failure for an interrupt.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise Mistake(f"not confirmed; {nothing}; there is no terminal to ask; allowed: --yes")
    aside = f" ({about})" if about else ""
    try:
        typed = terminal.ask(f"Type {word} to go on{aside}:")
    except KeyboardInterrupt:
        terminal.put("", error=True)
        raise Failure(f"interrupted; {nothing}") from None
    if typed != word:
        raise Mistake(f"not confirmed; {nothing}; allowed: {word}, or --yes")
