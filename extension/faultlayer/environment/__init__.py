"""What an execution environment has: memory, processes, and what is held of both.

This room measures, takes and gives back. It never decides, logs or touches a connection.
"""
