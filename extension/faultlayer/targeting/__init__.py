"""Which rules hit: rate, match, limit, order and seed, decided once for all faults.

    rules ── choose (window, rate, match, the fault's own decision) ── injections

This room never acts: it returns injections, each of which is counted against its limit.
"""
