"""A function that tells what it was started with; it knows nothing of faultlayer."""

import json
import os
import sys


def handler(event, context):
    if event.get("exit"):
        os._exit(event["exit"])
    if event.get("size"):
        return "x" * event["size"]
    told = {
        "api": os.environ.get("AWS_LAMBDA_RUNTIME_API"),
        "arguments": sys.orig_argv[1:],
        "event_size": len(json.dumps(event)),
        "other": os.environ.get("OTHER_WRAPPER_SAYS"),
        "request_id": context.aws_request_id,
        "runtime_pid": os.getpid(),
    }
    headers = {"content-type": "application/json"}
    return {"statusCode": 200, "headers": headers, "body": json.dumps(told)}
