"""Connections: to the runtime, to Lambda's Runtime API, and to agents on loopback.

            RuntimeSide                     UpstreamSide ── Pool (idle connections)
    runtime ── read_request ──▶ proxy ──▶ forward_request / send ──▶ Lambda
    runtime ◀──────────── forward_response ◀── read_response ◀────── Lambda

One thread serves both sides of a runtime connection with blocking calls and no timeouts. The main
thread accepts connections, and looks (`Watch`) if a runtime hangs up. Messages are never changed,
reordered or held back, and a large body passes in pieces, in constant memory.

After the start this is the only room with sockets. It knows HTTP messages, and no faults.
"""
