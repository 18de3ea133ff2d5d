"""A function that sends a line to each `host:port` of the event."""

import socket


def handler(event, context):
    said = []
    for place in event["call"]:
        host, _, port = place.rpartition(":")
        try:
            with socket.create_connection((host, int(port)), timeout=0.7) as client:
                client.sendall(b"hello\n")
                said.append(client.recv(100).decode().strip() or "nothing")
        except OSError as error:
            said.append(f"{type(error).__name__} {error.errno}")
    return said
