"""Where agents listen, and names as their URLs spell them."""

from __future__ import annotations

from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.settings.sources.agent_address import port_of, url_quoted


@given(st.text(max_size=40))
def test_names_are_spelled_as_urls_spell_them(name: str) -> None:
    assert url_quoted(name).decode() == quote(name, safe="")
    assert unquote(url_quoted(name).decode()) == name


def test_what_is_spelled_already_stays() -> None:
    assert url_quoted("a%2Fb c", b"%") == b"a%2Fb%20c"


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(ValueError, match="is not UTF-8 text"):
        url_quoted("\udc80")


@pytest.mark.parametrize(
    ("text", "port"), [(None, 2772), ("", 2772), (" ", 2772), (" 4000 ", 4000), ("65535", 65535)]
)
def test_the_usual_port_or_the_one_that_is_set(text: str | None, port: int) -> None:
    assert port_of({} if text is None else {"PORT": text}, "PORT", 2772) == port


@pytest.mark.parametrize("text", ["0", "65536", "-1", "a", "1e3", "\u0661", "123456"])
def test_what_is_no_port_is_named_by_its_variable(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be read: PORT is not a port"):
        port_of({"PORT": text}, "PORT", 2772)
