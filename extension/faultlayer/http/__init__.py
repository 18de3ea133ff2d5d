"""HTTP/1.1 without I/O: bytes to messages and back.

This room has no sockets. What passes keeps every byte; what has no certain end is refused.
"""
