"""What a fault writes takes the shape that who asked reads, and leaves every other byte alone."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import Any

import pytest

from fakes.proxied import Logged, Proxied
from fakes.runtime import HTTP_STREAM, Runtime
from fakes.runtime_api import RuntimeApi
from fakes.turns import NULS, run

ALB = {"requestContext": {"elb": {"targetGroupArn": "arn"}}, "httpMethod": "GET", "path": "/"}
ALB_SEVERAL = json.dumps({**ALB, "multiValueHeaders": {"host": ["h"]}}).encode()
ALB_ONE = json.dumps({**ALB, "headers": {"host": "h"}}).encode()
REST = b'{"resource":"/","httpMethod":"GET","requestContext":{"stage":"prod"}}'
URL = b'{"version":"2.0","requestContext":{"http":{"method":"GET"}}}'
LATTICE = b'{"raw_path":"/","method":"GET"}'
DIRECT = b"{}"


@pytest.fixture(autouse=True)
def _anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faultlayer.targeting.injection._logged", set())


def answered(
    api: RuntimeApi, proxied: Proxied, event: bytes, answer: Any, **faults: str
) -> tuple[bytes, Any]:
    """What leaves, as bytes and as JSON, of an answer to this event under these faults."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    invoked, _ = run(api, proxied(api, **faults), body, payload=event)
    return invoked.content, json.loads(invoked.content)


# -- a status ---------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("event", [ALB_SEVERAL, ALB_ONE, REST, URL, LATTICE, DIRECT])
def test_a_status_has_its_headers_where_they_are_read(
    api: RuntimeApi, proxied: Proxied, event: bytes, when: str
) -> None:
    faults = {"STATUS": "503", "STATUS_WHEN": when, "STATUS_HEADERS": '{"retry-after":"5"}'}
    address = proxied(api, **faults)
    invoked = api.invoke(event)
    with Runtime(address) as runtime:
        if when == "before":
            api.invoke(b'{"source":"s","detail-type":"t"}')  # one that the function sees
        runtime.respond(runtime.next(), b"{}")
    answer = invoked.result().json
    assert answer["statusCode"] == 503
    if event == ALB_SEVERAL:
        assert answer["multiValueHeaders"]["retry-after"] == ["5"]
        assert "headers" not in answer
    else:
        assert answer["headers"]["retry-after"] == "5"
        assert "multiValueHeaders" not in answer


def test_what_is_written_is_utf_8(api: RuntimeApi, proxied: Proxied) -> None:
    faults = {"STATUS": "503", "STATUS_WHEN": "after", "STATUS_BODY": "später, 请"}
    content, answer = answered(api, proxied, URL, {}, **faults)
    assert "später, 请".encode() in content
    assert answer["body"] == "später, 请"


# -- headers ----------------------------------------------------------------------------------

OWN = {"statusCode": 200, "headers": {"X-A": "1"}, "multiValueHeaders": {"X-A": ["2"]}, "body": ""}


@pytest.mark.parametrize(
    ("event", "headers", "several"),
    [
        (ALB_SEVERAL, {"X-A": "1"}, {"x-a": ["9"]}),
        (ALB_ONE, {"x-a": "9"}, {"X-A": ["2"]}),
        (REST, {"x-a": "9"}, {}),
        (URL, {"x-a": "9"}, {"X-A": ["2"]}),
        (LATTICE, {"x-a": "9"}, {"X-A": ["2"]}),
        (DIRECT, {"x-a": "9"}, {}),
    ],
)
def test_the_member_that_counts_is_changed(
    api: RuntimeApi, proxied: Proxied, event: bytes, headers: Any, several: Any
) -> None:
    _, answer = answered(api, proxied, event, OWN, HEADERS='{"x-a":"9"}')
    assert (answer["headers"], answer["multiValueHeaders"]) == (headers, several)


@pytest.mark.parametrize(
    ("event", "answer"),
    [
        (ALB_SEVERAL, {"statusCode": 200, "headers": {"x-a": "1"}}),
        (ALB_ONE, {"statusCode": 200, "multiValueHeaders": {"x-a": ["1"]}}),
        (URL, {"statusCode": 200, "multiValueHeaders": {"x-a": ["1"]}}),
    ],
)
def test_a_member_that_nobody_reads_is_left_alone(
    api: RuntimeApi, proxied: Proxied, logged: Logged, event: bytes, answer: Any
) -> None:
    content, _ = answered(api, proxied, event, answer, HEADERS='{"x-a":null}')
    assert content == json.dumps(answer).encode()
    assert [line["event"] for line in logged()] == ["fault_not_applied"]


def test_rest_apis_with_multi_value_headers_alone(api: RuntimeApi, proxied: Proxied) -> None:
    own = {"statusCode": 200, "multiValueHeaders": {"a": ["1", "2"], "b": ["3"]}, "body": "x"}
    _, answer = answered(api, proxied, REST, own, HEADERS='{"A":"9","b":null}')
    assert answer == {"statusCode": 200, "multiValueHeaders": {"A": ["9"]}, "body": "x"}


def test_cookies_of_payload_2(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    own = {"statusCode": 200, "cookies": ["a=1", "b=2"], "headers": {}, "body": "x"}
    _, answer = answered(api, proxied, URL, own, HEADERS='{"Set-Cookie":null}')
    assert answer == {"statusCode": 200, "headers": {}, "body": "x"}
    _, answer = answered(api, proxied, URL, own, HEADERS='{"Set-Cookie":"c=3"}')
    assert answer == {**own, "cookies": ["c=3"]}
    assert len(logged("fault_injected")) == 2
    content, _ = answered(api, proxied, ALB_ONE, own, HEADERS='{"Set-Cookie":null}')
    assert content == json.dumps(own).encode(), "no load balancer reads cookies"


@pytest.mark.parametrize("changes", ['{"x-a":"1"}', '{"X-A":"1","x-b":null}'])
def test_headers_that_are_so_already(
    api: RuntimeApi, proxied: Proxied, logged: Logged, changes: str
) -> None:
    own = b'{ "statusCode":200, "headers": {"x-a":"1"}, "body":"\xe8\xaf\xb7"}'
    assert answered(api, proxied, URL, own, HEADERS=changes)[0] == own
    (line,) = logged()
    assert (line["event"], line["fault"]) == ("fault_not_applied", "headers")


# -- bodies with an encoding ------------------------------------------------------------------

TEXT = json.dumps({"order": 7, "text": "a" * 500}).encode()
DEFLATED = zlib.compress(TEXT)
ENCODED = {
    "gzip": gzip.compress(TEXT),
    "deflate": DEFLATED,
    "br": b"\x8b\x02\x80hello\x03",
    "zstd": b"\x28\xb5\x2f\xfd\x04\x00",
    "GZIP": gzip.compress(TEXT),
}


def encoded(encoding: str, event: bytes = URL) -> dict[str, Any]:
    body = base64.b64encode(ENCODED[encoding]).decode()
    fields: dict[str, Any] = {"statusCode": 200, "body": body, "isBase64Encoded": True}
    if event == ALB_SEVERAL:
        return {**fields, "multiValueHeaders": {"Content-Encoding": [encoding], "x": ["y"]}}
    return {**fields, "headers": {"Content-Encoding": encoding, "x": "y"}}


@pytest.mark.parametrize("event", [URL, REST, ALB_SEVERAL, DIRECT])
@pytest.mark.parametrize("encoding", ENCODED)
def test_what_replaces_a_body_has_no_encoding(
    api: RuntimeApi, proxied: Proxied, encoding: str, event: bytes
) -> None:
    own = encoded(encoding, event)
    _, answer = answered(api, proxied, event, own, CORRUPTION="replace", CORRUPTION_BODY="R")
    assert (answer["body"], answer["isBase64Encoded"]) == ("R", False)
    assert "encoding" not in json.dumps(answer).lower().replace("isbase64encoded", "")
    assert answer.get("headers", answer.get("multiValueHeaders")) in ({"x": "y"}, {"x": ["y"]})


@pytest.mark.parametrize("mode", ["truncate", "garble"])
@pytest.mark.parametrize("encoding", ENCODED)
def test_what_is_damaged_on_purpose_says_what_it_was(
    api: RuntimeApi, proxied: Proxied, encoding: str, mode: str
) -> None:
    _, answer = answered(api, proxied, URL, encoded(encoding), CORRUPTION=mode)
    assert answer["headers"] == {"Content-Encoding": encoding, "x": "y"}
    assert answer["isBase64Encoded"] is True
    body = base64.b64decode(answer["body"], validate=True)
    assert body != ENCODED[encoding]
    assert len(body) in (len(ENCODED[encoding]), len(ENCODED[encoding]) // 2)


@pytest.mark.parametrize("event", [URL, ALB_SEVERAL])
@pytest.mark.parametrize("encoding", ENCODED)
def test_padding_leaves_it_readable(
    api: RuntimeApi, proxied: Proxied, logged: Logged, encoding: str, event: bytes
) -> None:
    own = encoded(encoding, event)
    content, _ = answered(api, proxied, event, own, OVERSIZE="100KB")
    assert content == json.dumps(own).encode()
    (line,) = logged()
    assert line["event"] == "fault_not_applied"
    assert "content-encoding" in line["message"]
    plain = {"statusCode": 200, "headers": {"content-encoding": "identity"}, "body": "x"}
    assert len(answered(api, proxied, URL, plain, OVERSIZE="100KB")[0]) == 100 << 10


def test_an_answer_that_lambda_refuses_need_not_be_readable(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    api.invoke(URL)
    with Runtime(proxied(api, OVERSIZE="7MB")) as runtime:
        own = json.dumps(encoded("gzip")).encode()
        assert runtime.respond(runtime.next(), own).status == 413
    assert len(logged("fault_injected")) == 1


def streamed(api: RuntimeApi, address: Any, *pieces: bytes, event: bytes = URL) -> bytes:
    invoked = api.invoke(event)
    with Runtime(address) as runtime:
        assert runtime.stream(runtime.next(), *pieces, headers=HTTP_STREAM).status == 202
    return invoked.result().content


GZIPPED = b'{"statusCode":200,"headers":{"Content-Encoding":"gzip","x":"y"}}' + NULS


def test_streams_alike(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    body = gzip.compress(TEXT)
    out = streamed(api, proxied(api, CORRUPTION="replace", CORRUPTION_BODY="R"), GZIPPED, body)
    assert out == b'{"statusCode":200,"headers":{"x":"y"}}' + NULS + b"R"
    out = streamed(api, proxied(api, CORRUPTION="truncate"), GZIPPED, body)
    assert out == GZIPPED + body[: len(body) // 2]
    assert len(logged("fault_injected")) == 2
    assert streamed(api, proxied(api, OVERSIZE="1MB"), GZIPPED, body) == GZIPPED + body
    (line,) = logged()
    assert "content-encoding" in line["message"]


# -- what HTTP APIs and function URLs infer ---------------------------------------------------

INFERRED = [
    b'{"order" : 7, "n": 1e400}',
    b'[1, {"a":"\xe8\xaf\xb7"}]',
    b'"hello"',
    b"7",
    b'{"a":"\\u8bf7"}',
]


@pytest.mark.parametrize("own", INFERRED)
def test_headers_of_an_inferred_answer(api: RuntimeApi, proxied: Proxied, own: bytes) -> None:
    _, answer = answered(api, proxied, URL, own, HEADERS='{"x-a":"1"}')
    assert answer["headers"] == {"content-type": "application/json", "x-a": "1"}
    assert (answer["statusCode"], answer["body"].encode()) == (200, own)
    _, answer = answered(api, proxied, URL, own, HEADERS='{"content-type":null}')
    assert (answer["headers"], answer["body"].encode()) == ({}, own)


@pytest.mark.parametrize("own", INFERRED)
def test_the_body_of_an_inferred_answer(api: RuntimeApi, proxied: Proxied, own: bytes) -> None:
    _, answer = answered(api, proxied, URL, own, CORRUPTION="replace", CORRUPTION_BODY="<b>")
    assert (answer["statusCode"], answer["body"]) == (200, "<b>")
    if len(own) > 1:
        _, answer = answered(api, proxied, URL, own, CORRUPTION="truncate")
        assert answer["body"] == own.decode()[: len(own.decode()) // 2]


@pytest.mark.parametrize("event", [REST, ALB_ONE, ALB_SEVERAL, LATTICE, DIRECT])
def test_others_infer_nothing(
    api: RuntimeApi, proxied: Proxied, logged: Logged, event: bytes
) -> None:
    own = b'{"order" : 7}'
    assert answered(api, proxied, event, own, HEADERS='{"x-a":"1"}')[0] == own
    (line,) = logged()
    assert "not HTTP-shaped" in line["message"]


@pytest.mark.parametrize("own", [b"", b"hello", b"\xff", b"{"])
def test_what_is_no_json_is_no_inferred_answer(
    api: RuntimeApi, proxied: Proxied, logged: Logged, own: bytes
) -> None:
    invoked, _ = run(api, proxied(api, HEADERS='{"x-a":"1"}'), own, payload=URL)
    assert invoked.content == own
    assert "not HTTP-shaped" in logged()[0]["message"]


def test_an_inferred_answer_that_nothing_changes_stays(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    own = b'{ "order":7}'
    assert answered(api, proxied, URL, own, HEADERS='{"x-absent":null}')[0] == own
    assert answered(api, proxied, URL, own, OVERSIZE="1KB")[0] == own.ljust(1024)
    assert [line["event"] for line in logged()] == ["fault_not_applied", "fault_injected"]


# -- bytes ------------------------------------------------------------------------------------

CHINESE = "请稍后再试" * 1000
ODD = (
    b'{ "statusCode": 200,\n "big": 1e400, "nan":NaN, "n": 12345678901234567890.10, '
    b'"headers" : {"x-a":"1", "x-keep":"\\u00e9\xc3\xa9"},"body":"\\u8bf7\xe8\xaf\xb7\\/" }'
)


def test_an_answer_in_another_script_does_not_grow(api: RuntimeApi, proxied: Proxied) -> None:
    own = {"statusCode": 200, "headers": {"x-a": "1"}, "body": CHINESE}
    body = json.dumps(own, ensure_ascii=False).encode()
    content, answer = answered(api, proxied, REST, body, HEADERS='{"x-a":null}')
    assert content == body.replace(b'"x-a": "1"', b"")
    content, answer = answered(api, proxied, REST, body, CORRUPTION="truncate")
    assert answer["body"] == CHINESE[: len(CHINESE) // 2]
    assert len(content) < 0.6 * len(body)
    content, _ = answered(api, proxied, REST, body, OVERSIZE="16KB")
    assert content == body[:-2] + b" " * ((16 << 10) - len(body)) + body[-2:]


@pytest.mark.parametrize("event", [REST, URL, DIRECT])
def test_every_other_byte_stays(api: RuntimeApi, proxied: Proxied, event: bytes) -> None:
    content, _ = answered(api, proxied, event, ODD, HEADERS='{"X-A":"9"}')
    assert content == ODD.replace(b'{"x-a":"1", ', b"{").replace(b'\xa9"}', b'\xa9","X-A":"9"}')
    content, _ = answered(api, proxied, event, ODD, CORRUPTION="replace", CORRUPTION_BODY="ü请")
    assert content == ODD.replace(b'"\\u8bf7\xe8\xaf\xb7\\/"', '"ü请"'.encode())
    content, _ = answered(api, proxied, event, ODD, OVERSIZE="1KB")
    assert content == ODD[:-3] + b" " * (1024 - len(ODD)) + ODD[-3:]


def test_infinity_never_appears(api: RuntimeApi, proxied: Proxied) -> None:
    own = b'{"statusCode":200,"body":{"n":1e400},"more":[1e400,-1e400]}'
    for faults in (
        {"CORRUPTION": "garble"},
        {"CORRUPTION": "truncate"},
        {"OVERSIZE": "1KB"},
        {"HEADERS": '{"x":"y"}'},
    ):
        content, answer = answered(api, proxied, REST, own, **faults)
        assert b"Infinity" not in content
        assert b'"more":[1e400,-1e400]' in content
    assert answer["body"] == json.loads(own)["body"]


def test_a_lone_surrogate_survives(api: RuntimeApi, proxied: Proxied) -> None:
    own = b'{"statusCode":200,"body":"\\ud800 \xe8\xaf\xb7 abcdef"}'
    content, answer = answered(api, proxied, REST, own, CORRUPTION="truncate")
    assert answer["body"] == "\ud800 请 a"
    assert content.isascii()
