"""The faults, one file each, named after it.

A fault decides and has no effect of its own: it returns an action of `faultlayer.actions`. Rates,
limits, dry run and the kill switch are applied elsewhere, once. A new fault is a new file here
with a `FAULT` in it, and nothing else.
"""
