"""Official names are lent to stand-ins, and only for a while."""

from __future__ import annotations

import io
import os
import tempfile

import pytest

from images import engine, stand_in
from images.tree import pack

NAME = f"{engine.PREFIX}/lent:{os.getpid()}"  # runs beside one another each lend their own


@pytest.fixture(autouse=True)
def locks(monkeypatch, tmp_path):
    """The locks of these names go with the test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_a_lent_name_is_taken_back_by_the_last_who_borrowed_it(client):
    with stand_in.lent(client, NAME):
        with stand_in.lent(client, NAME):
            pass
        assert engine.find(client, NAME).id == engine.find(client, own(client)).id
    assert engine.find(client, NAME) is None
    assert engine.find(client, own(client)) is not None


def test_a_real_image_keeps_its_name(client):
    tree = io.BytesIO()
    pack({"real": (0o644, b"")}, tree)
    client.api.import_image_from_data(tree.getvalue(), *NAME.split(":"))
    real = engine.find(client, NAME).id
    try:
        with stand_in.lent(client, NAME):
            assert engine.find(client, NAME).id == real
        assert engine.find(client, NAME).id == real
    finally:
        client.images.remove(NAME)


def test_what_is_there_is_not_built_again(client, monkeypatch):
    tag = own(client)
    monkeypatch.setattr(client.images.__class__, "build", pytest.fail)
    assert own(client) == tag


def own(client):
    return stand_in.lambda_python(client)
