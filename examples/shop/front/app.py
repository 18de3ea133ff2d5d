"""The front of the shop: one page from three sources.

    prices            cache (Redis); if it is away or empty: the table
    stock             table (PostgreSQL); if it is away, the page says that the stock is not known
    recommendations   back, a function behind a function URL; if it is away, there are none

There is a way out for each, so the page comes if one of the three is away. Is that so? docs/shop.md
finds out. This function knows nothing of faultlayer: faults need no change of code.
"""

import http.client
import json
import os
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate

import page
import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

FEATURED = "mug"
KEPT = 3600  # seconds for which the cache keeps the prices
LIMITS = os.environ.get("SHOP_FIX") == "limits"
AWAY = (OSError, ValueError, TooLate, http.client.HTTPException, psycopg.Error, redis.RedisError)

cache = redis.Redis.from_url(
    os.environ["CACHE"],  # redis://cache:6379
    socket_connect_timeout=0.3,
    socket_timeout=0.3,
    retry=Retry(NoBackoff(), 0),
)
table = None  # the connection, kept for the next invocation
workers = {name: ThreadPoolExecutor(4) for name in ("cache", "database", "back")}


def handler(event, context):
    parts = []  # what this page needed, how long each took, and what went wrong
    prices = attempt(parts, "cache", read_kept_prices)
    if prices is None:
        prices = attempt(parts, "database", read_prices)
        if prices and not parts[0]["error"]:  # the cache answers, and is empty
            attempt(parts, "cache", lambda: cache.set("prices", json.dumps(prices), ex=KEPT))
    if prices is None:
        return response(503, page.closed(parts))
    stock = attempt(parts, "database", read_stock)
    others = attempt(parts, "back", recommend)
    return response(200, page.shop(prices, stock, FEATURED, others, parts))


def read_kept_prices():
    kept = cache.get("prices")
    return kept and json.loads(kept)


def read_prices():
    rows = query("select id, name, cents from products order by place")
    return {product: {"name": name, "cents": cents} for product, name, cents in rows}


def read_stock():
    return dict(query("select id, stock from products"))


def query(text):
    """Rows of the table.

    A kept connection that broke is replaced by a new one.
    """
    global table
    connection, table = table, None
    if connection is not None:
        try:
            rows = connection.execute(text).fetchall()
        except psycopg.OperationalError:
            connection = None
    if connection is None:
        # paste
        limit = {"connect_timeout": 2} if LIMITS else {}
        connection = psycopg.connect(os.environ["TABLE"], autocommit=True, **limit)
        # end
        rows = connection.execute(text).fetchall()
    table = connection
    return rows


def recommend():
    url = f"{os.environ['BACK']}?product={FEATURED}"  # http://back:9751/?product=mug
    with urllib.request.urlopen(url, timeout=0.5) as answer:
        return json.load(answer)


# paste
def attempt(parts, name, work):
    """The work's result; None if it fails: the page can miss it."""
    began = time.monotonic()
    error = None
    try:
        return within(1, name, work) if LIMITS else work()
    except AWAY as caught:
        error = f"{type(caught).__name__}: {caught}".strip(": ").splitlines()[0]
        return None
    finally:
        took = round((time.monotonic() - began) * 1000)
        parts.append({"name": name, "ms": took, "error": error})
        print(json.dumps({"part": name, "ms": took, "error": error}))


def within(seconds, name, work):
    """The result of the work; late work is left behind."""
    future = workers[name].submit(work)
    try:
        return future.result(seconds)
    except TooLate:
        future.cancel()  # if it still waits for a worker
        raise TooLate(f"no answer within {seconds} s") from None


# end
def response(status, body):
    headers = {"content-type": "text/html; charset=utf-8", "cache-control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": body}
