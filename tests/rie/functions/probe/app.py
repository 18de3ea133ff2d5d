"""A function that tells what it saw, for the emulator's tests; it knows nothing of faultlayer."""

import json
import os
import sys
import time

RUNS = 0


def handler(event, context):
    global RUNS
    RUNS += 1
    started = time.time()
    print(f"HANDLER RAN {context.aws_request_id}", flush=True)
    if isinstance(event, dict):
        if event.get("raise"):
            raise KeyError(event["raise"])
        if event.get("exit"):
            os._exit(int(event["exit"]))
        if event.get("size"):
            return "x" * int(event["size"])
        if event.get("plain"):
            return {"plain": event["plain"]}
    body = {
        "runs": RUNS,
        "pid": os.getpid(),
        "api": os.environ.get("AWS_LAMBDA_RUNTIME_API"),
        "path": sys.path,
        "started": started,
        "left_ms": context.get_remaining_time_in_millis(),
        "request_id": context.aws_request_id,
        "event_size": len(json.dumps(event)),
    }
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json", "Access-Control-Allow-Origin": "*"},
        "body": json.dumps(body),
    }
