"""The `faultlayer` command: everything that runs on a laptop or in CI, and never inside Lambda.

It shares the fault registry and the validator with the extension, so both accept the same values.
"""
