"""Benchmarks: what faultlayer adds, beside a C forwarder and socat, in one interleaved run."""
