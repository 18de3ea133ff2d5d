"""Which rules hit: rate, match, limit, order and seed, decided once for all faults.

    rules ──> choose: rate, window, match, the fault's own decision ──> candidates
                                                                            │ limit, one outcome
              acting <── Chosen: the invocation and its injections <────────┘

- `choose` decides for one invocation at a time, by chance or by a seed.
- `injection` is a claimed action, which the room `acting` settles once.
- `rules` has one fault with its options and its limit; `limit_file` keeps counts on disk, since a
  limit holds for the environment, which outlives this process.
- `verdicts` foretells for `faultlayer explain`, by the same code.

This room never acts on an invocation, and never branches on a fault: all faults are chosen alike.
"""
