"""What limits have counted survives the process, and is right or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlayer.settings import plan
from faultlayer.settings.configuration import Configuration
from faultlayer.settings.variables import read_environment
from faultlayer.targeting import limit_file
from faultlayer.targeting.limit_file import Counts

KEY = ("latency", "=", "1s")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "counts"


def used(path: Path, key: tuple[str, ...] = KEY) -> int | None:
    found = Counts(bytes(path)).of(key)
    return None if found is None else found.used


def count(path: Path, times: int, key: tuple[str, ...] = KEY) -> None:
    found = Counts(bytes(path)).of(key)
    assert found is not None
    found.save(times)


def test_the_next_process_goes_on_where_this_one_was(path: Path) -> None:
    assert used(path) == 0
    count(path, 3)
    count(path, 5, ("other",))
    assert (used(path), used(path, ("other",)), used(path, ("third",))) == (3, 5, 0)


@given(st.dictionaries(st.tuples(st.text(), st.text()), st.integers(1, 10**9), max_size=200))
def test_each_rule_has_its_own(
    tmp_path_factory: pytest.TempPathFactory, given: dict[tuple[str, ...], int]
) -> None:
    path = tmp_path_factory.mktemp("counts") / "counts"
    first = Counts(bytes(path))
    for key, times in given.items():
        found = first.of(key)
        assert found is not None
        found.save(times)
    again = Counts(bytes(path))
    for key, times in given.items():
        found = again.of(key)
        assert found is not None
        assert found.used == times


def test_of_more_rules_than_there_is_space_for_the_rest_is_counted_in_memory(path: Path) -> None:
    several = Counts(bytes(path))
    found = [several.of((str(number),)) for number in range(300)]
    assert found[254] is not None
    assert found[255] is None
    several.forget(("7",))
    assert several.of(("new",)) is not None


def test_the_file_s_size_never_changes(path: Path) -> None:
    """So that a /tmp that is full later takes every count."""
    Counts(bytes(path))
    before = path.stat().st_size
    count(path, 10**9)
    assert path.stat().st_size == before == 4096


@pytest.mark.parametrize(
    "there", [b"x" * 4096, b"faultlayer max 1", b"x", b"faultlayer max 1" * 300], ids=range(4)
)
def test_what_is_not_ours_is_left_alone(path: Path, there: bytes) -> None:
    path.write_bytes(there)
    assert used(path) is None
    assert path.read_bytes() == there


@pytest.mark.parametrize("kind", ["symbolic link", "hard link", "folder", "FIFO", "no folder"])
def test_nothing_is_followed_or_waited_for(path: Path, tmp_path: Path, kind: str) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"")
    if kind == "symbolic link":
        path.symlink_to(target)
    elif kind == "hard link":
        path.hardlink_to(target)
    elif kind == "folder":
        path.mkdir()
    elif kind == "FIFO":
        os.mkfifo(path)
    else:
        path = tmp_path / "missing" / "counts"
    assert used(path) is None
    assert target.read_bytes() == b""


def test_on_a_full_disk_nothing_is_left_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: bytes, at: int) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("posix.pwrite", full)
        assert used(path) is None
    assert used(path) == 0, "with space again it is used"


def test_a_file_that_is_replaced_or_gone_stops_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Counts(bytes(path)).of(KEY)
    assert found is not None
    path.unlink()
    found.save(1)
    monkeypatch.setattr("posix.pwrite", lambda *given: (_ for _ in ()).throw(OSError(5, "I/O")))
    found.save(2)
    assert found.used == 2


def test_no_descriptor_stays_open_where_there_is_nothing(path: Path) -> None:
    path.write_bytes(b"x")
    before = sorted(os.listdir("/proc/self/fd"))
    Counts(bytes(path))
    assert sorted(os.listdir("/proc/self/fd")) == before


# -- by the configuration ---------------------------------------------------------------------

LIMITED = {"FAULTLAYER_LATENCY": "1s", "FAULTLAYER_LATENCY_MAX": "3"}


def claims(path: Path, variables: dict[str, str], times: int) -> list[bool]:
    chooser = read_environment(variables, limit_file=bytes(path)).chooser
    assert chooser is not None
    return [(chooser.rules + chooser.starts)[0].claim() for _ in range(times)]


def test_a_limit_holds_for_the_environment_not_for_the_process(path: Path) -> None:
    assert claims(path, LIMITED, 2) == [True, True]
    assert claims(path, LIMITED, 2) == [True, False]
    assert claims(path, LIMITED, 1) == [False]
    assert claims(path, {**LIMITED, "FAULTLAYER_LATENCY": "2s"}, 1) == [True], "another rule"


def test_what_did_not_come_to_pass_is_given_back_there_too(path: Path) -> None:
    chooser = read_environment(LIMITED, limit_file=bytes(path)).chooser
    assert chooser is not None
    assert all(chooser.rules[0].claim() for _ in range(3))
    chooser.rules[0].uncount()
    assert claims(path, LIMITED, 2) == [True, False]


def test_without_a_limit_no_file_is_made(path: Path) -> None:
    chooser = read_environment({"FAULTLAYER_LATENCY": "1s"}, limit_file=bytes(path)).chooser
    assert chooser is not None
    assert chooser.rules[0].claim()
    assert not path.exists()
    read_environment({**LIMITED, "FAULTLAYER_LATENCY_MAX": "0"}, limit_file=bytes(path))


def test_without_the_file_each_process_counts(path: Path) -> None:
    path.mkdir()
    assert claims(path, LIMITED, 4) == [True, True, True, False]
    assert claims(path, LIMITED, 4) == [True, True, True, False]


def test_a_rule_that_leaves_a_live_plan_and_comes_back_is_a_new_one(path: Path) -> None:
    settings = Configuration(limit_file=bytes(path))
    limited = plan.read('{"faults":[{"fault":"latency","delay":"1s","max":1}]}')
    other = plan.read('{"faults":[{"fault":"latency","delay":"2s","max":1}]}')
    for each in (limited, other, limited):
        chooser = settings.chooser_for(each)
        assert chooser is not None
        assert [chooser.rules[0].claim() for _ in range(2)] == [True, False]


def test_two_rules_never_share_a_place_by_their_name() -> None:
    assert limit_file._digest(("ab",)) != limit_file._digest(("ba",))
    assert limit_file._digest(("a", "b")) != limit_file._digest(("ab",))
