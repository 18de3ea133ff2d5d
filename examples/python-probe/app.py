"""A function that tells what it saw; see docs/runtimes.md. It knows nothing of faultlayer."""

import json
import os

RUNS = 0


class OrderError(Exception):
    """The function's own kind of failure."""


if "FAIL_AT_START" in os.environ:
    raise RuntimeError(os.environ["FAIL_AT_START"])


def handler(event, context):
    global RUNS
    RUNS += 1
    print(f"HANDLER RAN {context.aws_request_id}", flush=True)
    if "raise" in event:
        raise OrderError(f"no such order: {event['raise']}")
    if "exit" in event:
        os._exit(event["exit"])
    if "size" in event:
        return "x" * event["size"]
    body = {
        "runtime": "python",
        "runs": RUNS,
        "api": os.environ.get("AWS_LAMBDA_RUNTIME_API"),
        "request_id": context.aws_request_id,
        "filler": len(event.get("filler", "")),
    }
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body),
    }
