"""A function that calls a host, returns the time, and works on."""

import json
import os
import socket
import time


def handler(event, context):
    # In one piece, since many workers write to one log.
    os.write(1, f"HANDLER RAN {context.aws_request_id}\n".encode())
    began = time.monotonic()
    with socket.create_connection((event["host"], event["port"]), timeout=10) as client:
        client.sendall(b"hello")
        client.recv(100)
    seconds = time.monotonic() - began
    time.sleep(event["work"])
    return {"statusCode": 200, "body": json.dumps({"seconds": seconds})}
