"""Benchmarks: the cost of faultlayer, beside other forwarders, interleaved."""
