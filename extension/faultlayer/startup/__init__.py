"""What happens before Lambda starts the runtime: the listener, the wrapper's file, registration.

Each import here delays every cold start. This room imports `posix` and `_socket` only.
"""
