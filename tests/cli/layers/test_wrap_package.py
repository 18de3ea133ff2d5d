"""Deployment packages of OS-only runtimes: wrapped so that they start, unwrapped to the byte."""

from __future__ import annotations

import io
import os
import subprocess
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultlayer_cli.errors import Mistake
from faultlayer_cli.layers.wrap_package import doubled, unwrap, wrap
from faultlayer_cli.main import run


def package(*files: tuple[str, bytes, int], comment: bytes = b"", packed: bool = True) -> bytes:
    """A zip of these names, contents and modes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if packed else 0) as archive:
        archive.comment = comment
        for name, content, mode in files:
            info = zipfile.ZipInfo(name, (2026, 5, 4, 3, 2, 2))
            info.external_attr = (0o100000 | mode) << 16
            info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
            archive.writestr(info, content)
    return buffer.getvalue()


ONE = ("bootstrap", b"", 0o755)
TWICE = package(ONE, ("./bootstrap", b"", 0o755))
GO = package(("bootstrap", b"\x7fELF" * 99, 0o755), ("data/a.txt", b"hello", 0o640))


def test_the_functions_bootstrap_is_kept_under_another_name_with_its_mode():
    with zipfile.ZipFile(io.BytesIO(wrap(GO))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["fl-origin", "data/a.txt", "bootstrap"]
        assert archive.read("fl-origin") == b"\x7fELF" * 99
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in archive.infolist()}
    assert modes == {"fl-origin": 0o755, "data/a.txt": 0o640, "bootstrap": 0o755}


@pytest.mark.parametrize("name", ["./bootstrap", ".//./bootstrap"])
def test_a_name_with_a_dot_before_it_unpacks_to_the_same_file(tmp_path, name):
    original = package((name, b"#!/bin/sh\necho own\n", 0o755), ("./app", b"", 0o644))
    wrapped = wrap(original)
    with zipfile.ZipFile(io.BytesIO(wrapped)) as archive:
        archive.extractall(tmp_path)
    assert (tmp_path / "fl-origin").read_bytes() == b"#!/bin/sh\necho own\n"
    assert b"faultlayer wrap-package" in (tmp_path / "bootstrap").read_bytes()
    assert wrap(wrapped) == wrapped
    assert unwrap(wrapped) == original


def test_wrapping_twice_is_wrapping_once():
    assert wrap(wrap(GO)) == wrap(GO)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.from_regex(r"[a-z]{1,9}/[a-z]{1,5}", fullmatch=True), st.binary())),
    st.binary(),
    st.binary(max_size=40),
    st.booleans(),
)
def test_unwrapping_gives_every_byte_back(files, bootstrap, comment, packed):
    named = dict(files).items()
    others = [(name, content, 0o644) for name, content in named]
    before, after = others[: len(others) // 2], others[len(others) // 2 :]
    comment = comment.replace(b"PK", b"pk")
    original = package(
        *before, ("bootstrap", bootstrap, 0o755), *after, comment=comment, packed=packed
    )
    assert unwrap(wrap(original)) == original


def test_the_system_zip_makes_packages_that_come_back(tmp_path):
    (tmp_path / "bootstrap").write_text("#!/bin/sh\n")
    (tmp_path / "bootstrap").chmod(0o755)
    done = subprocess.run(
        ["python3", "-m", "zipfile", "-c", "made.zip", "bootstrap"], cwd=tmp_path, check=False
    )
    assert done.returncode == 0
    original = (tmp_path / "made.zip").read_bytes()
    assert unwrap(wrap(original)) == original


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no zip at all", "not a zip file"),
        (package(("app.py", b"", 0o644)), "no file called bootstrap"),
        (package(("sub/bootstrap", b"", 0o755)), "no file called bootstrap"),
        (TWICE, "it has bootstrap twice"),
        (GO[:-30], "not a zip file"),
        (GO + b"more", "outside of its entries"),
        (b"more" + GO, "outside of its entries"),
    ],
)
def test_what_cannot_be_wrapped_is_refused(data, message):
    with pytest.raises(Mistake, match=message):
        wrap(data)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_the_package_has_twice_is_named():
    data = package(ONE, ("a", b"1", 0o644), ("./a", b"2", 0o644), ("b", b"", 0o644))
    assert doubled(data) == ["a"]
    assert unwrap(wrap(data)) == data


def test_what_was_not_wrapped_is_not_unwrapped():
    with pytest.raises(Mistake, match="not wrapped"):
        unwrap(GO)


def unpacked(data: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            path = folder / info.filename
            path.write_bytes(archive.read(info))
            path.chmod(info.external_attr >> 16)
    return folder / "bootstrap"


def test_without_the_layer_the_function_starts_as_before(tmp_path):
    script = b'#!/bin/sh\necho "own bootstrap of $_HANDLER: $AWS_LAMBDA_RUNTIME_API"\n'
    bootstrap = unpacked(wrap(package(("bootstrap", script, 0o755))), tmp_path)
    env = {**os.environ, "_HANDLER": "main", "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}
    done = subprocess.run([bootstrap], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "own bootstrap of main: 127.0.0.1:9001\n"


def test_the_command_writes_the_package_and_gives_it_back(tmp_path, capsys):
    source, wrapped, back = (tmp_path / name for name in ("in.zip", "out.zip", "back.zip"))
    source.write_bytes(GO)
    assert run(["wrap-package", str(source), str(wrapped)]) == 0
    assert run(["wrap-package", "--unwrap", str(wrapped), str(back)]) == 0
    assert back.read_bytes() == GO
    assert "wrapped" in capsys.readouterr().err


def test_a_mistake_is_one_line_and_nothing_is_written(tmp_path, capsys):
    source, target = tmp_path / "in.zip", tmp_path / "out.zip"
    source.write_bytes(b"no zip")
    assert run(["wrap-package", str(source), str(target)]) == 2
    assert not target.exists()
    err = capsys.readouterr().err
    assert "in.zip: it is not a zip file" in err
    assert err.count("\n") == 1
