"""A function that gives back what it was given; it knows nothing of faultlayer."""

import json
import os


def handler(event, context):
    # In one piece, since many workers write to one log.
    os.write(1, f"HANDLER RAN {context.aws_request_id}\n".encode())
    body = {
        "token": event.get("token"),
        "request_id": context.aws_request_id,
        "pid": os.getpid(),
        "api": os.environ.get("AWS_LAMBDA_RUNTIME_API"),
    }
    headers = {"content-type": "application/json"}
    return {"statusCode": 200, "headers": headers, "body": json.dumps(body)}
