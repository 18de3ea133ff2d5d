"""What a match costs the function: nothing but the wait for the whole event."""

from __future__ import annotations

import json
import time

import pytest

from fakes.proxied import Logged, Proxied, serve, soon
from fakes.runtime import NEXT, Runtime, chunked
from fakes.runtime_api import RuntimeApi
from fakes.scripted import ACCEPTED, Conn, Server
from fakes.turns import PAYLOAD, run
from fakes.wire import Broken, Message

GET = json.dumps({"requestContext": {"http": {"method": "GET"}}, "headers": {"X-Chaos": "1"}})
POST = GET.replace("GET", "POST")
ONLY_GET = "requestContext.http.method=GET,headers.x-chaos"
HEAD = (
    b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: id-%d\r\n"
    b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:1:function:f:live\r\n"
)
MB = 1 << 20


def test_a_match_hits_its_events_alone(api: RuntimeApi, proxied: Proxied, logged: Logged) -> None:
    address = proxied(api, STATUS="503", STATUS_MATCH=ONLY_GET, STATUS_MAX="2")
    events = [POST, GET, "{}", "[]", "null", "", GET.replace("X-C", "x-c"), POST, GET]
    invoked = [api.invoke(event.encode()) for event in events]
    with Runtime(address) as runtime:
        seen = [runtime.turn() for _ in range(len(events) - 2)]
    assert seen == [each.request_id for i, each in enumerate(invoked) if i not in (1, 6)]
    assert [each.result().json for i, each in enumerate(invoked) if i not in (1, 6)] == ["done"] * 7
    assert invoked[1].result().json["statusCode"] == 503
    assert [line["request_id"] for line in logged()] == [invoked[i].request_id for i in (1, 6)]


BODIES = [
    GET.encode(),
    b" \t" + GET.encode() + b"\n",
    POST.encode(),
    b"{}",
    b"",
    b"not json",
    b"\xff\xfe\x00",
    b'{"headers":{"X-Chaos":"\xff"}}',
    b'{"filler":"%b",%b' % (b"x" * 70_000, GET.encode()[1:]),
    b'{"filler":"%b",%b' % (b"x" * (6 * MB), GET.encode()[1:]),
    b'"%b"' % (b"\\u00e9" * MB),
    b"x" * (8 * MB),
    b"[" * 100_000,
]


@pytest.mark.parametrize("framing", ["sized", "chunked", "until close"])
@pytest.mark.parametrize("body", BODIES, ids=lambda body: f"{body[:8]!r}-{len(body)}")
def test_an_event_passes_byte_for_byte_whether_or_not_it_matches(
    upstream: Server, proxied: Proxied, logged: Logged, body: bytes, framing: str
) -> None:
    if framing == "sized":
        event = HEAD % 1 + b"Content-Length: %d\r\n\r\n" % len(body) + body
    elif framing == "chunked":
        pieces = [body[at : at + 100_001] for at in range(0, len(body), 100_001)]
        event = HEAD % 1 + b"Transfer-Encoding: chunked\r\n\r\n"
        event += chunked(*pieces, trailers=b"X-Trailer: kept\r\n")
    else:
        event = HEAD % 1 + b"Connection: close\r\n\r\n" + body

    def script(conn: Conn) -> None:
        while (request := conn.request()) is not None:
            if request.method != b"GET":
                conn.send(ACCEPTED)
                continue
            conn.send(event)
            if framing == "until close":
                return

    upstream.script = script
    address = proxied(upstream, LATENCY="1ms", LATENCY_MATCH=ONLY_GET)
    hits = GET.encode()[1:] in body and len(body) < 7 * MB
    for _ in range(2):
        with Runtime(address) as runtime:
            for _ in range(1 if framing == "until close" else 2):
                assert runtime.ask(NEXT).raw == event
    assert len(logged("fault_injected")) == hits * (2 if framing == "until close" else 4)


@pytest.mark.parametrize("size", [10, 5 * MB])
def test_what_answers_in_the_functions_place_leaves_the_next_event_whole(
    api: RuntimeApi, proxied: Proxied, size: int
) -> None:
    address = proxied(api, STATUS="503", STATUS_MATCH="hit=true")
    hit = api.invoke(b'{"hit":true,"filler":"%b"}' % (b"x" * size))
    invoked, event = run(api, address, payload=b'{"hit":false,"filler":"%b"}' % (b"y" * size))
    assert hit.result().json["statusCode"] == 503
    assert event.raw == invoked.event()
    assert invoked.content == PAYLOAD


@pytest.mark.parametrize("body", [GET, POST], ids=["hit", "not"])
def test_a_chunked_event_that_comes_byte_by_byte(
    upstream: Server, proxied: Proxied, body: str
) -> None:
    event = HEAD % 1 + b"Transfer-Encoding: chunked\r\n\r\n"
    event += chunked(*(body[at : at + 7].encode() for at in range(0, len(body), 7)))

    def script(conn: Conn) -> None:
        while conn.request() is not None:
            conn.send(*(event[at : at + 1] for at in range(len(event))))

    upstream.script = script
    with Runtime(proxied(upstream, LATENCY="1ms", MATCH=ONLY_GET)) as runtime:
        for _ in range(3):
            assert runtime.ask(NEXT).raw == event


def test_an_event_that_breaks_off_is_not_begun(upstream: Server, proxied: Proxied) -> None:
    def script(conn: Conn) -> None:
        assert conn.request()
        conn.send(HEAD % 1 + b"Content-Length: 1000\r\n\r\n{")

    upstream.script = script
    with Runtime(proxied(upstream, LATENCY="1ms", MATCH="a")) as runtime:
        with pytest.raises(Broken):
            runtime.ask(NEXT)
        assert not runtime.wire.received


def test_an_expression_that_makes_others_hang(api: RuntimeApi, proxied: Proxied) -> None:
    """Within a request, among other connections, on text as long as it is looked at."""
    match = json.dumps({"text": {"regex": "^(a|a|aa)+(a+)+$"}})
    address = proxied(api, STATUS="503", STATUS_MATCH=match)
    event = json.dumps({"text": "a" * 4095 + "b"}).encode()
    begun = time.monotonic()
    for _ in range(5):
        run(api, address, payload=event)
    assert time.monotonic() - begun < 2


def test_a_slow_event_is_waited_for_as_a_whole(upstream: Server, proxied: Proxied) -> None:
    """Nothing of it can be passed on before it is known whether the function may see it."""
    half = len(GET) // 2
    event = HEAD % 1 + b"Content-Length: %d\r\n\r\n" % len(GET)

    def script(conn: Conn) -> None:
        assert conn.request()
        conn.send(event + GET[:half].encode())
        time.sleep(0.2)
        conn.send(GET[half:].encode())
        while conn.request():
            conn.send(ACCEPTED)

    upstream.script = script
    with Runtime(proxied(upstream, LATENCY="1ms", MATCH=ONLY_GET)) as runtime:
        assert runtime.ask(NEXT).raw == event + GET.encode()


def test_a_runtime_that_leaves_while_a_long_event_arrives(
    upstream: Server, proxied: Proxied
) -> None:
    def script(conn: Conn) -> None:
        assert conn.request()
        conn.send(HEAD % 1 + b"Content-Length: %d\r\n\r\n" % MB + b"x" * 100_000)
        assert conn.request() is None

    upstream.script = script
    with Runtime(proxied(upstream, LATENCY="1ms", MATCH="a")) as runtime:
        runtime.wire.send(NEXT)
        assert runtime.wire.silent(0.1)
    assert soon(lambda: upstream.conns[0].over.is_set())


def test_the_qualifier_is_told_by_upstream(upstream: Server, proxied: Proxied) -> None:
    def answer(request: Message) -> bytes:
        if request.method != b"GET":
            return ACCEPTED
        return HEAD % 1 + b"Content-Length: 2\r\n\r\n{}"

    upstream.answer = answer
    for qualifier, wait in (("live", 0.1), ("test", 0)):
        address = proxied(upstream, LATENCY="100ms", LATENCY_MATCH=f"qualifier={qualifier}")
        with Runtime(address) as runtime:
            begun = time.monotonic()
            runtime.next()
            assert (time.monotonic() - begun >= 0.1) == (wait > 0)


# -- the plan and the window ----------------------------------------------------------------------


def test_two_rules_of_one_fault_on_different_events(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    plan = {
        "faults": [
            {"fault": "latency", "delay": "3ms", "match": {"kind": "a"}},
            {"fault": "latency", "delay": "5ms", "match": {"kind": {"in": ["a", "b"]}}},
        ]
    }
    address = proxied(api, PLAN=json.dumps(plan))
    for kind in "abc":
        run(api, address, payload=b'{"kind":"%b"}' % kind.encode(), request_id=kind)
    told = [(line["request_id"], line["delay_ms"]) for line in logged()]
    assert told == [("a", 3), ("a", 5), ("b", 5)]


def test_rates_of_two_rules_over_many_invocations_repeat(
    api: RuntimeApi, proxied: Proxied, logged: Logged
) -> None:
    plan = {
        "seed": 7,
        "faults": [
            {"fault": "latency", "delay": 1, "rate": "50%", "match": {"kind": "a"}},
            {"fault": "latency", "delay": 1, "rate": "20%", "match": {"kind": "b"}},
        ],
    }

    def hits() -> list[str]:
        address = proxied(api, PLAN=json.dumps(plan))
        with Runtime(address) as runtime:
            for number in range(400):
                kind = "ab"[number % 2]
                api.invoke(b'{"kind":"%b"}' % kind.encode(), request_id=f"{kind}-{number}")
                runtime.turn()
        return [line["request_id"] for line in logged()]

    found = hits()
    assert abs(sum(name.startswith("a") for name in found) - 100) < 36  # five deviations
    assert abs(sum(name.startswith("b") for name in found) - 40) < 29
    assert hits() == found


def test_the_window_opens_and_closes_under_a_running_function(
    api: RuntimeApi, proxied: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = proxied(
        api, STATUS="503", START="2030-01-01T00:00:00Z", END="2030-01-01T01:00:00+00:00"
    )
    begin = 1893456000.0
    with Runtime(address) as runtime:
        for now, hit in ((begin - 1, False), (begin, True), (begin + 3600, False), (0, False)):
            monkeypatch.setattr("faultlayer.targeting.rules.time", lambda now=now: now)
            invoked = api.invoke()
            if hit:
                runtime.wire.send(NEXT)
                assert invoked.result().json["statusCode"] == 503
                monkeypatch.setattr("faultlayer.targeting.rules.time", lambda: 0.0)
                api.invoke()
                event = runtime.wire.response()
                assert runtime.respond(event, b"1").status == 202
            else:
                assert runtime.turn() == invoked.request_id


def test_another_aim_takes_effect_on_the_next_event(api: RuntimeApi) -> None:
    """As a live plan will want it: connections that are open already decide by it."""
    from faultlayer.settings.configuration import Configuration
    from faultlayer.settings.variables import read_environment
    from faultlayer.startup.listener import LOOPBACK, listen
    from faultlayer.targeting.choose import Chooser
    from faultlayer.targeting.rules import RuleSet

    settings = read_environment({"FAULTLAYER_STATUS": "503"})
    empty = Configuration()
    empty.chooser = Chooser(RuleSet([]))
    listener, port = listen(0)
    serving = serve(listener, api.address, empty)
    with Runtime((LOOPBACK, port)) as runtime:
        first = api.invoke()
        assert runtime.turn() == first.request_id
        assert settings.chooser is not None
        runtime.wire.send(NEXT)
        assert runtime.wire.silent(0.05)
        serving.chooser = settings.chooser
        second = api.invoke()
        assert second.result().json["statusCode"] == 503
        serving.chooser = Chooser(RuleSet([]))
        third = api.invoke()
        assert runtime.id_of(runtime.wire.response()) == third.request_id
