"""HTTP/2 and WebSockets over TLS: python far_host.py HOST CERTIFICATE KEY.

It runs beside the function's own libraries (PYTHONPATH), prints its two ports, and ends with its
standard input.
"""

from __future__ import annotations

import socket
import ssl
import sys
import threading

import h2.config
import h2.connection
import h2.events
import websockets.sync.server


def context(*protocols: str) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(sys.argv[2], sys.argv[3])
    if protocols:
        made.set_alpn_protocols(protocols)
    return made


def speak_http2(line: ssl.SSLSocket) -> None:
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    connection.initiate_connection()
    line.sendall(connection.data_to_send())
    while data := line.recv(65536):
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                connection.send_headers(event.stream_id, [(":status", "200")])
                text = b"stream %d" % event.stream_id
                connection.send_data(event.stream_id, text, end_stream=True)
        line.sendall(connection.data_to_send())


def serve_http2(listener: socket.socket) -> None:
    secure = context("h2")
    while True:
        line, _ = listener.accept()
        try:
            speak_http2(secure.wrap_socket(line, server_side=True))
        except OSError:
            continue


def echo(connection: websockets.sync.server.ServerConnection) -> None:
    for message in connection:
        connection.send(message)


def main() -> None:
    listener = socket.create_server((sys.argv[1], 0))
    threading.Thread(target=serve_http2, args=(listener,), daemon=True).start()
    server = websockets.sync.server.serve(echo, sys.argv[1], 0, ssl=context())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(listener.getsockname()[1], server.socket.getsockname()[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
