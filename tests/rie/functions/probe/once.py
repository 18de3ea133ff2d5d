"""A function whose answers tell how often it ran, for the emulator's tests."""

import time

SEEN = []


def handler(event, context):
    SEEN.append(context.aws_request_id)
    print(f"HANDLER RAN {context.aws_request_id}", flush=True)
    time.sleep(event.get("sleep", 0))
    if SEEN.count(context.aws_request_id) == event.get("fail"):
        raise ValueError("seen before")
    return {"seen": SEEN.count(context.aws_request_id)}
