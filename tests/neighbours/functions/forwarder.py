"""A plain TCP forwarder: another product's proxy, as far as faultlayer can tell."""

import os
import socket
import threading


def say(line):
    os.write(1, (line + "\n").encode())


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for sock in (source, sink):
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def listen(port):
    return socket.create_server(("127.0.0.1", port), backlog=64)


def forward(listener, upstream, name):
    """Pass every connection on, until the end of the process."""
    host, _, port = upstream.rpartition(":")
    while True:
        client, _ = listener.accept()
        server = socket.create_connection((host, int(port)))
        say(f"{name} PASSES ON TO {upstream}")
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=pump, args=(client, server), daemon=True).start()
        threading.Thread(target=pump, args=(server, client), daemon=True).start()
