"""An execution environment: its memory and its processes, measured and held.

    read ──▶ memory: how much is left (/proc, control groups)
         ──▶ processes: the runtime and its children; kill them, or make them the first to go
    load_process: a process of ours that holds memory, or keeps a core busy
    holdings: files and processes that several invocations hold together

This room measures, takes and gives back. It never decides, logs or touches a connection.
"""
