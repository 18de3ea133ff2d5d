"""A function behind an HTTP API: greets whoever the query names, and says how long that took.

It knows nothing of faultlayer. That is the point: faults need no change of code.
"""

import json
import time


def handler(event, context):
    started = time.perf_counter()
    query = event.get("queryStringParameters") or {}
    name = query.get("name", "world")
    print(f"greeting {len(name)} characters for request {context.aws_request_id}")
    took = (time.perf_counter() - started) * 1000
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"greeting": f"Hello, {name}!", "took_ms": round(took, 3)}),
    }
