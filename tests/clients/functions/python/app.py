"""Call a host by every client, and return each outcome.

The event has `host`, `secure` (use TLS) and the ports: `http`, `https`, `postgres`, `redis`,
`rediss`.
"""

import asyncio
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import psycopg
import redis
import requests
import urllib3

LIMIT = 1.0  # seconds for a connection, and for an answer
AUTHORITY = "/var/authority.pem"
CONTEXT = ssl.create_default_context(cafile=AUTHORITY)
SQL = "select repeat('x', 20000)"


def url(event):
    scheme = "https" if event["secure"] else "http"
    return f"{scheme}://{event['host']}:{event[scheme]}/"


def by_urllib3(event):
    with urllib3.PoolManager(ca_certs=AUTHORITY, retries=False) as pool:
        return len(pool.request("GET", url(event), timeout=LIMIT).data)


def by_requests(event):
    return len(requests.get(url(event), timeout=LIMIT, verify=AUTHORITY).content)


def by_aiohttp(event):
    async def get():
        limits = aiohttp.ClientTimeout(sock_connect=LIMIT, sock_read=LIMIT)
        async with (
            aiohttp.ClientSession(timeout=limits) as session,
            session.get(url(event), ssl=CONTEXT) as answer,
        ):
            return len(await answer.read())

    return asyncio.run(get())


def by_asyncio(event):
    async def get():
        port = event["https" if event["secure"] else "http"]
        context = CONTEXT if event["secure"] else None
        opening = asyncio.open_connection(event["host"], port, ssl=context)
        reader, writer = await asyncio.wait_for(opening, LIMIT)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await writer.drain()
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
        size = int(head.lower().partition(b"content-length: ")[2].split()[0])
        body = await asyncio.wait_for(reader.readexactly(size), LIMIT)
        writer.close()
        return len(body)

    return asyncio.run(get())


def by_psycopg(event):
    with psycopg.connect(
        host=event["host"],
        port=event["postgres"],
        user="shop",
        dbname="shop",
        sslmode="verify-full" if event["secure"] else "disable",
        sslrootcert=AUTHORITY,
        connect_timeout=2,  # the least that libpq takes
        gssencmode="disable",
    ) as connection:
        return len(connection.execute(SQL).fetchone()[0])


def by_redis(event):
    with redis.Redis(
        host=event["host"],
        port=event["rediss" if event["secure"] else "redis"],
        ssl=event["secure"],
        ssl_ca_certs=AUTHORITY,
        socket_connect_timeout=LIMIT,
        socket_timeout=LIMIT,
        retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0),
    ) as client:
        return len(client.get("value"))


CLIENTS = {
    "urllib3": by_urllib3,
    "requests": by_requests,
    "aiohttp": by_aiohttp,
    "asyncio": by_asyncio,
    "psycopg": by_psycopg,
    "redis": by_redis,
}


def call(name, event):
    began, got, error = time.monotonic(), 0, ""
    try:
        got = CLIENTS[name](event)
    except BaseException as raised:
        error = f"{type(raised).__module__}.{type(raised).__name__}: {raised}"
    return {"error": error, "bytes": got, "seconds": time.monotonic() - began}


def handler(event, context):
    with ThreadPoolExecutor(len(CLIENTS)) as pool:
        results = pool.map(lambda name: call(name, event), CLIENTS)
        return dict(zip(CLIENTS, results))
