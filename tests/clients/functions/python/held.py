"""Keep connections between invocations, as functions do.

The event has `do`: the name of a function here; `host`; and ports.
"""

import hashlib
import json
import os
import socket
import time
from http.client import HTTPConnection
from pathlib import Path

import httpx
import psycopg
import psycopg_pool
import redis
import requests
import websockets.sync.client
from app import AUTHORITY, CONTEXT, LIMIT, SQL

KEPT = {}


def told(error):
    return f"{type(error).__module__}.{type(error).__name__}: {error}"


def tried(call, *arguments):
    """Run a call; return its result or exception, and its time (seconds)."""
    began = time.monotonic()
    try:
        result = {"got": call(*arguments)}
    except Exception as error:
        result = {"error": told(error)}
    return {**result, "seconds": time.monotonic() - began}


def nothing(event):
    return {}


# -- connections that are kept ---------------------------------------------------------------------


def kept(event):
    """Use each pool once; all were opened by the first event."""
    if not KEPT:
        KEPT["requests"] = requests.Session()
        KEPT["redis"] = redis.Redis(
            host=event["host"],
            port=event["redis"],
            socket_connect_timeout=LIMIT,
            socket_timeout=LIMIT,
            retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0),
        )
        KEPT["psycopg_pool"] = psycopg_pool.ConnectionPool(
            f"host={event['host']} port={event['postgres']} user=shop dbname=shop "
            "sslmode=disable gssencmode=disable connect_timeout=2",
            min_size=1,
            timeout=LIMIT,
        )
    return {
        "requests": tried(by_session, event),
        "redis": tried(lambda: len(KEPT["redis"].get("value"))),
        "psycopg_pool": tried(by_pool),
    }


def by_session(event):
    url = f"http://{event['host']}:{event['http']}/"
    return len(KEPT["requests"].get(url, timeout=LIMIT).content)


def by_pool():
    with KEPT["psycopg_pool"].connection() as connection:
        return len(connection.execute(SQL).fetchone()[0])


# -- armed and not hit -----------------------------------------------------------------------------


def armed(event):
    return {
        name: tried(call, event)
        for name, call in {
            "peer": peer,
            "keep-alive": keep_alive,
            "certificate of another name": another_name,
            "certificate of nobody": nobody,
            "HTTP/2": http2,
            "WebSocket": websocket,
            "STARTTLS": starttls,
        }.items()
    }


def peer(event):
    with socket.create_connection((event["host"], event["http"]), LIMIT) as client:
        return client.getpeername()


def keep_alive(event):
    client = HTTPConnection(event["host"], event["http"], timeout=LIMIT)
    ports = set()
    for _ in range(5):
        client.request("GET", "/")
        client.getresponse().read()
        ports.add(client.sock.getsockname())
    client.close()
    return len(ports)


def another_name(event):
    other = event["host"].replace(".", ".other.", 1)  # the same host, beyond its certificate
    return requests.get(f"https://{other}:{event['https']}/", timeout=LIMIT, verify=AUTHORITY).ok


def nobody(event):
    return requests.get(f"https://{event['host']}:{event['https']}/", timeout=LIMIT).ok


def http2(event):
    with httpx.Client(http2=True, verify=CONTEXT, timeout=5) as client:
        url = f"https://{event['host']}:{event['http2']}/"
        answers = [client.get(url) for _ in range(3)]
        return [answer.http_version + " " + answer.text for answer in answers]


def websocket(event):
    uri = f"wss://{event['host']}:{event['websocket']}/"
    with websockets.sync.client.connect(uri, ssl=CONTEXT, open_timeout=5) as client:
        for number in range(3):
            client.send(str(number))
            assert client.recv(timeout=5) == str(number)
        return "echoed"


def starttls(event):
    with psycopg.connect(
        host=event["host"],
        port=event["postgres"],
        user="shop",
        dbname="shop",
        sslmode="verify-full",
        sslrootcert=AUTHORITY,
        connect_timeout=2,
    ) as connection:
        return connection.execute(
            "select version from pg_stat_ssl where pid = pg_backend_pid()"
        ).fetchone()[0]


def big(event):
    """The digest of all bytes from a host."""
    digest, size = hashlib.sha256(), 0
    with socket.create_connection((event["host"], event["big"]), 5) as client:
        while piece := client.recv(1 << 18):
            digest.update(piece)
            size += len(piece)
    return {"digest": digest.hexdigest(), "size": size}


# -- the extension is gone -------------------------------------------------------------------------


def outage(event):
    """Open a connection, wait for a file, then use all connections.

    The answer is printed: an extension that is gone passes no answer on.
    """
    url = f"http://{event['host']}:{event['http']}/"
    session = requests.Session()
    session.get(url, timeout=LIMIT)
    open_line = socket.create_connection((event["host"], event["big"]), LIMIT)
    open_line.recv(10)
    open_line.settimeout(LIMIT)
    print("READY", flush=True)
    end = time.monotonic() + 20
    while not Path("/tmp/go").exists() and time.monotonic() < end:
        time.sleep(0.01)
    results = {
        "open": tried(rest_of, open_line),
        "kept": tried(lambda: len(session.get(url, timeout=LIMIT).content)),
        "new": tried(lambda: len(requests.get(url, timeout=LIMIT).content)),
        "more": [tried(lambda: len(requests.get(url, timeout=LIMIT).content)) for _ in range(5)],
        "lookup": tried(lambda: len(socket.getaddrinfo(event["host"], 80))),
    }
    print("RESULT " + json.dumps(results), flush=True)
    return results


def rest_of(line):
    size = 0
    while piece := line.recv(65536):
        size += len(piece)
    return size


# -- loopback --------------------------------------------------------------------------------------


def loopback(event):
    """Services of extensions on loopback, and the Runtime API."""
    results = {}
    for port in event["ports"]:
        with socket.create_server((event["address"], port)) as server:
            results[str(port)] = tried(reached, event["address"], port, server)
    host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
    results["runtime"] = tried(reached, host, int(port), None)
    results["host"] = tried(peer, event)
    return results


def reached(host, port, server):
    with socket.create_connection((host, port), LIMIT) as client:
        if server:
            server.accept()[0].close()
        return client.getpeername()[1]


def handler(event, context):
    return globals()[event["do"]](event)
