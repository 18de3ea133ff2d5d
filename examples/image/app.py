"""A function that is deployed as a container image: it says which order it would ship.

It knows nothing of faultlayer. That is the point: faults need no change of code.
"""

import json


def handler(event, context):
    order = event.get("order", "none")
    print(f"shipping for request {context.aws_request_id}")
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"shipped": order}),
    }
