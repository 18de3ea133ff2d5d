"""Faults of connections on a Managed Instance, in force for all invocations."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import closing
from typing import Any

from instance import FUNCTIONS, Managed
from test_managed_instances import allowed

from fakes.proxied import soon
from faultlayer_cli.running.emulator import PATH
from faultlayer_cli.running.ports import LOOPBACK

__all__ = ["allowed"]

DELAY = 0.5  # seconds


def invoke(function: Managed, **event: Any) -> float:
    """Invoke the function; return the seconds of its call."""
    with closing(http.client.HTTPConnection(LOOPBACK, function.port, timeout=30)) as connection:
        for _ in range(200):
            connection.request("POST", PATH, json.dumps(event))
            answer = json.loads(connection.getresponse().read())
            if "body" in answer:
                return float(json.loads(answer["body"])["seconds"])
            assert answer["errorType"] == "Runtime.Unavailable", answer
            time.sleep(0.05)
    raise AssertionError("no worker is free")


def test_a_fault_of_one_invocation_is_in_force_for_all_and_ends_with_it() -> None:
    with closing(socket.create_server((LOOPBACK, 0))) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(10)
                    connection.recv(100)
                    connection.sendall(b"hi")

        threading.Thread(target=serve, daemon=True).start()
        place = dict(zip(("host", "port"), listener.getsockname(), strict=True))
        variables = {
            "FAULTLAYER_NETWORK": f"{DELAY}s",
            "FAULTLAYER_NETWORK_HOSTS": LOOPBACK,
            "FAULTLAYER_NETWORK_MATCH": "hit",
            "FAULTLAYER_OBSERVE": "hosts",
        }
        with Managed(4, FUNCTIONS / "caller", **variables) as function:
            assert invoke(function, **place, work=0) < DELAY
            hit: list[float] = []
            running = threading.Thread(
                target=lambda: hit.append(invoke(function, **place, work=3, hit=1))
            )
            running.start()
            try:
                (line,) = function.lines("fault_injected", least=1)
                assert (line["fault"], line["port"]) == ("network", place["port"])
                assert soon(lambda: len(function.ran()) == 2)
                assert invoke(function, **place, work=0) >= DELAY, "another one is late, too"
                assert running.is_alive()
            finally:
                running.join(30)
            assert hit[0] >= DELAY
            assert invoke(function, **place, work=0) < DELAY, "it has ended"
        assert len(function.lines("fault_injected")) == 1, "it counts once"
        (observed,) = function.lines("host_observed")
        assert (observed["port"], observed["connections"]) == (place["port"], 4)
        listener.shutdown(socket.SHUT_RDWR)
