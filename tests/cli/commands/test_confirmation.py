"""The question before a change: one word at a terminal, and never an answer from a pipe."""

from __future__ import annotations

import io
import sys

import pytest

from faultlayer_cli.commands import confirmation
from faultlayer_cli.errors import Failure, Mistake


class Terminal(io.StringIO):
    """Standard input of a terminal."""

    def isatty(self) -> bool:
        return True


class Interrupted(Terminal):
    """A terminal whose user presses Ctrl-C."""

    def readline(self, size: int | None = -1, /) -> str:
        raise KeyboardInterrupt


def test_the_word_goes_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys, "stdin", Terminal(" 3 \n"))
    confirmation.ask("3", "nothing was changed", "account 1")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "Type 3 to go on (account 1): ")


@pytest.mark.parametrize("typed", ["", "\n", "yes\n", "33\n"])
def test_any_other_word_is_a_mistake(monkeypatch: pytest.MonkeyPatch, typed: str):
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    with pytest.raises(Mistake, match="^not confirmed; nothing was changed; allowed: 3, or --yes$"):
        confirmation.ask("3", "nothing was changed")


@pytest.mark.parametrize("stdin", [io.StringIO("yes\n"), None])
def test_without_a_terminal_nothing_is_read(monkeypatch: pytest.MonkeyPatch, stdin: object):
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(Mistake, match="there is no terminal to ask; allowed: --yes"):
        confirmation.ask("yes", "nothing was written")
    assert stdin is None or sys.stdin.read() == "yes\n"


def test_an_interrupt_says_that_nothing_was_done(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", Interrupted())
    with pytest.raises(Failure, match="^interrupted; nothing was changed$") as caught:
        confirmation.ask("yes", "nothing was changed")
    assert caught.value.code == 1
