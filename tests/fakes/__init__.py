"""Stand-ins for both neighbours of the proxy: the Runtime API upstream and the runtime.

They speak raw sockets and frame messages by themselves, so that a test sees the very bytes that
passed and shares no mistake with the code under test.
"""
