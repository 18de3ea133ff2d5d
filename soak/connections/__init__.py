"""Endurance of the function's connections: 100,000 through the relay, each judged.

run ── event ──> layer ──> run: the invocation ── numbers ──> clients, with the shim
                                                                 │ connect
                              hosts <── relay of the layer <─────┘
"""
