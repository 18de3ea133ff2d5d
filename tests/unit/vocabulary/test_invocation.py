"""What is known of an invocation: from its head alone, however that is written."""

from __future__ import annotations

import pytest

from faultlayer.vocabulary.invocation import Invocation


def arrived(*lines: bytes) -> Invocation:
    head = b"HTTP/1.1 200 OK\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    return Invocation(head, head.lower())


def test_names_are_found_in_any_case_and_values_keep_theirs() -> None:
    invocation = arrived(
        b"LAMBDA-runtime-aws-request-id:8476A536-e9f4 ",
        b"lambda-Runtime-Invocation-Id:  AbC",
        b"Lambda-Runtime-Deadline-Ms: 1542409706888",
    )
    assert invocation.request_id == "8476A536-e9f4"
    assert invocation.invocation_id == b"AbC"
    assert invocation.deadline() == 1542409706.888


def test_what_is_not_said_is_absent() -> None:
    invocation = arrived(b"Content-Type: application/json")
    assert (invocation.request_id, invocation.invocation_id) == ("", b"")
    assert invocation.deadline() is None


@pytest.mark.parametrize("text", [b"", b"soon", b"-1", b"1e9", b"1.5", b"9" * 5000, b"\xd9\xa1"])
def test_a_deadline_that_is_no_number_is_none(text: bytes) -> None:
    assert arrived(b"Lambda-Runtime-Deadline-Ms: " + text).deadline() is None


def test_an_id_of_any_bytes_is_text() -> None:
    assert arrived(b"Lambda-Runtime-Aws-Request-Id: \xff\xe9").request_id == "\xff\xe9"


def test_an_event_that_memory_has_no_room_for_is_not_taken_for_one_that_is_not_json() -> None:
    """Whoever asks is told the same, and it is not received any further."""
    asked: list[int] = []

    def content() -> bytes:
        asked.append(1)
        raise MemoryError

    invocation = Invocation(b"", b"", content)
    for ask in (invocation.readable, invocation.event, invocation.content) * 2:
        with pytest.raises(MemoryError):
            ask()
    assert asked == [1]
    assert invocation.lost is None
