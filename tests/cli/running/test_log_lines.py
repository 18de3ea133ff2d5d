"""The notes and logs of several environments in one stream."""

from __future__ import annotations

from collections.abc import Callable

from stand_in_endpoint import Notes

from faultlayer_cli.running.log_lines import LogLines


class Stream(Notes):
    """Keeps what is printed, too."""

    def __init__(self) -> None:
        super().__init__()
        self.printed = b""

    def output(self) -> Callable[[bytes], None]:
        return self._print

    def _print(self, piece: bytes) -> None:
        self.printed += piece


def test_one_environment_alone_has_no_number():
    stream = Stream()
    one = LogLines(stream).of(1)
    write = one.output()
    write(b"START\nhel")
    assert stream.printed == b"START\n"
    write(b"lo\n")
    assert stream.printed == b"START\nhello\n"
    one.note("a note")
    assert stream.all == ["a note"]


def test_trouble_is_told_although_all_else_is_quiet():
    quiet, loud = Stream(), Stream()
    lines = LogLines(quiet, loud)
    lines.note("environment 1 ended")
    lines.of(1).note("fetching")
    assert (quiet.all, loud.all) == (["fetching"], ["environment 1 ended"])


def test_lines_of_several_have_the_number_and_never_mix():
    stream = Stream()
    lines = LogLines(stream)
    one, two = lines.of(1).output(), lines.of(2).output()
    one(b"a")
    two(b"b\rc\n\nd\n")
    lines.of(1).output()(b"e\nf")
    lines.close()
    assert stream.printed == b"[2] b\rc\n[2] \n[2] d\n[1] ae\n[1] f\n"


def test_a_line_without_an_end_is_not_held_for_ever():
    stream = Stream()
    one = LogLines(stream).of(1).output()
    for _ in range(5):
        one(b"x" * 300_000)
    assert len(stream.printed) > 1_000_000
