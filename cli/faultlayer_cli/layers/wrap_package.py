"""`faultlayer wrap-package`: deployment zips of OS-only runtimes, which ignore exec wrappers.

The function's files keep their bytes, modes and order. Wrapping twice is wrapping once. Unwrapping
gives the original zip back byte for byte. The function's `bootstrap` is renamed in place to a name
of the same length, and ours is added behind everything.
Binding: PKWARE's APPNOTE.TXT sections 4.3.7 (local header), 4.3.12 (central), 4.3.16 (end).
"""

from __future__ import annotations

import os
import re
import struct
import tempfile
import zlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from faultlayer_cli.errors import Mistake

BOOTSTRAP = b"bootstrap"
ORIGIN = b"fl-origin"
SCRIPT = Path(__file__).resolve().parents[1] / "data" / "bootstrap-wrapped"
MARK = b"# faultlayer wrap-package:"

_HERE = re.compile(rb"^(\./+)+")
_END = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_UNIX = 3 << 8 | 20
_MODE = 0o100755 << 16
_DATE = 1 << 5 | 1  # 1980-01-01, for the same bytes every time


@dataclass(frozen=True)
class Entry:
    """One file of the zip: the places of its two headers, and their values."""

    name: bytes
    at: int  # of its central header
    size: int  # of its central header
    local: int  # of its local header
    method: int
    packed: int  # bytes of its data

    @property
    def path(self) -> bytes:
        """Its name as unpacked: `./bootstrap` is `bootstrap`."""
        return _HERE.sub(b"", self.name)


@dataclass(frozen=True)
class Archive:
    """A zip, taken apart as far as is needed to put it together again."""

    files: bytes  # everything before the central directory
    directory: bytes
    comment: bytes
    entries: tuple[Entry, ...]

    def find(self, name: bytes) -> Entry | None:
        """The entry that unpacks to this name: also `./bootstrap`."""
        return next((entry for entry in self.entries if entry.path == name), None)

    @property
    def doubled(self) -> list[str]:
        """The names that it has more than once."""
        times = Counter(entry.path for entry in self.entries)
        return [path.decode("utf-8", "replace") for path, count in times.items() if count > 1]

    def build(self) -> bytes:
        count, size, at = len(self.entries), len(self.directory), len(self.files)
        end = _END.pack(b"PK\5\6", 0, 0, count, count, size, at, len(self.comment))
        return self.files + self.directory + end + self.comment


def parse(data: bytes) -> Archive:
    """Read the parts of a zip. Raises Mistake if it is none, or one that Lambda would not take."""
    at = data.rfind(b"PK\5\6")
    if at < 0 or len(data) < at + _END.size:
        raise Mistake("it is not a zip file")
    _, disk, first, here, count, size, offset, length = _END.unpack_from(data, at)
    if disk or first or here != count or 0xFFFF in (here, count) or 0xFFFFFFFF in (size, offset):
        raise Mistake("it is split or in the zip64 format, which Lambda's packages never need")
    if offset + size != at or at + _END.size + length != len(data):
        raise Mistake("it has bytes outside of its entries; pack it again")
    entries, position = [], offset
    for _ in range(count):
        entry = _entry(data, position)
        entries.append(replace(entry, at=entry.at - offset))
        position += entry.size
    if position != at:
        raise Mistake("its directory is damaged; pack it again")
    return Archive(data[:offset], data[offset:at], data[at + _END.size :], tuple(entries))


def _entry(data: bytes, at: int) -> Entry:
    if data[at : at + 4] != b"PK\1\2" or len(data) < at + _CENTRAL.size:
        raise Mistake("its directory is damaged; pack it again")
    fields = _CENTRAL.unpack_from(data, at)
    name_length, extra, comment, local = fields[10], fields[11], fields[12], fields[16]
    start = at + _CENTRAL.size
    name = data[start : start + name_length]
    if data[local : local + 4] != b"PK\3\4":
        raise Mistake("its directory is damaged; pack it again")
    size = _CENTRAL.size + name_length + extra + comment
    return Entry(name, at, size, local, fields[4], fields[8])


def _renamed(archive: Archive, entry: Entry, name: bytes) -> Archive:
    """The archive with one entry called by another name of the same length, in the same folder."""
    files, directory = bytearray(archive.files), bytearray(archive.directory)
    whole = entry.name[: -len(name)] + name
    start = entry.local + _LOCAL.size
    if files[start : start + len(whole)] != entry.name:
        raise Mistake("its headers contradict each other; pack it again")
    files[start : start + len(whole)] = whole
    start = entry.at + _CENTRAL.size
    directory[start : start + len(whole)] = whole
    entries = tuple(replace(e, name=whole) if e is entry else e for e in archive.entries)
    return replace(archive, files=bytes(files), directory=bytes(directory), entries=entries)


def _content(archive: Archive, entry: Entry) -> bytes:
    """A stored entry's data; empty for a compressed one, which ours never is."""
    lengths = _LOCAL.unpack_from(archive.files, entry.local)[9:11]
    start = entry.local + _LOCAL.size + sum(lengths)
    return b"" if entry.method else archive.files[start : start + entry.packed]


def _ours(archive: Archive) -> Entry | None:
    """The bootstrap that we added; None if the archive has another one, or none."""
    entry = archive.find(BOOTSTRAP)
    if entry and archive.find(ORIGIN) and MARK in _content(archive, entry)[:200]:
        return entry
    return None


def _added(archive: Archive, script: bytes) -> Archive:
    """The archive with our bootstrap behind everything."""
    at = len(archive.files)
    common = (20, 0, 0, 0, _DATE, zlib.crc32(script), len(script), len(script), len(BOOTSTRAP), 0)
    local = _LOCAL.pack(b"PK\3\4", *common) + BOOTSTRAP
    central = _CENTRAL.pack(b"PK\1\2", _UNIX, *common, 0, 0, 0, _MODE, at) + BOOTSTRAP
    entry = Entry(BOOTSTRAP, len(archive.directory), len(central), at, 0, len(script))
    return replace(
        archive,
        files=archive.files + local + script,
        directory=archive.directory + central,
        entries=(*archive.entries, entry),
    )


def wrap(data: bytes) -> bytes:
    """Make the zip's bootstrap start through faultlayer's wrapper. Raises Mistake."""
    archive = parse(data)
    if BOOTSTRAP.decode() in archive.doubled:
        raise Mistake("it has bootstrap twice, so it is not known which one starts; pack it again")
    if _ours(archive):
        archive = parse(unwrap(data))
    entry = archive.find(BOOTSTRAP)
    if entry is None:
        raise Mistake(
            "it has no file called bootstrap at its top: only packages of OS-only runtimes "
            "(provided.al2023, provided.al2) have one, others need AWS_LAMBDA_EXEC_WRAPPER alone"
        )
    if archive.find(ORIGIN):
        raise Mistake(f"it has a file called {ORIGIN.decode()} already, the name wrapping needs")
    wrapped = _added(_renamed(archive, entry, ORIGIN), SCRIPT.read_bytes()).build()
    if unwrap(wrapped) != archive.build():
        raise Mistake("it cannot be restored byte for byte; pack it again")
    return wrapped


def unwrap(data: bytes) -> bytes:
    """Undo `wrap`. Raises Mistake if the zip was not wrapped."""
    archive = parse(data)
    ours, origin = _ours(archive), archive.find(ORIGIN)
    if ours is None or origin is None or ours != archive.entries[-1]:
        raise Mistake("it was not wrapped by faultlayer")
    without = replace(
        archive,
        files=archive.files[: ours.local],
        directory=archive.directory[: ours.at],
        entries=archive.entries[:-1],
    )
    return _renamed(without, origin, BOOTSTRAP).build()


def doubled(data: bytes) -> list[str]:
    """The names that the zip has more than once. Raises Mistake."""
    return parse(data).doubled


def write(path: Path, data: bytes) -> None:
    """Write the whole file or nothing."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
