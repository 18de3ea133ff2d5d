"""Benchmarks: what faultlayer adds, beside a plain C forwarder and socat, in one interleaved run."""
