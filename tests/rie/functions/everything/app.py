"""A function whose answer tells who asked and how it is configured, for the emulator's tests."""

import json
import os


def handler(event, context):
    os.write(1, f"TABLE {os.environ.get('TABLE_NAME')}\n".encode())  # in one piece
    told = {
        "request_id": context.aws_request_id,
        "table": os.environ.get("TABLE_NAME"),
        "order": event.get("order"),
    }
    return {"statusCode": 200, "headers": {"x-own": "1"}, "body": json.dumps(told)}
