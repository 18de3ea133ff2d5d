"""The function's outgoing connections: asked about, relayed, disturbed.

    shim ── "where to?" ──> control ──> the host itself | a port of the relay | a dead port
    client ──────────────────────────> relay ──────────────────────────────────> host
                                         │ conditions: what is in force just now
    acting ── begin / end ───────────────┘

- `conditions` holds the disturbances in force, each for as long as an invocation that was hit runs.
- `control` answers the shim's questions. It learns from it which names an address has.
- `http_proxy` serves HTTP clients of static programs, which cannot load the shim: `proxy_requests`
  reads their requests, `dial` connects, `plain_http` forwards those without a tunnel.
- `ways` knows by which way connections are reached, if they are.
- `relay` carries bytes between client and host, late, slowly, or not at all.
- `dead_ports` has the addresses that refuse, or never answer.
- `wire` and `acting` know nothing of this room, but that connections can be disturbed.

One thread does all of that (`loop`). It never decides whether an invocation is hit, never opens a
connection that the function did not ask for, and never listens beyond loopback.
"""
