"""An HTTP API for pages of other origins: it sends the CORS headers itself, preflights included.

It knows nothing of faultlayer. That is the point: faults need no change of code.
"""

import json

ALLOWED = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "content-type",
}


def handler(event, context):
    method = event["requestContext"]["http"]["method"]
    print(f"{method} for request {context.aws_request_id}")
    if method == "OPTIONS":
        return {"statusCode": 204, "headers": ALLOWED}
    if method == "POST":
        drink = json.loads(event["body"])["drink"]
        print("an order was placed")
        return answer(201, {"placed": drink})
    return answer(200, {"drinks": ["espresso", "mocha"]})


def answer(status, content):
    headers = ALLOWED | {"content-type": "application/json"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(content)}
