"""Connections: to the runtime, to Lambda's Runtime API, and to agents on loopback.

After the start this is the only room with sockets. It knows HTTP messages, and no faults.
"""
