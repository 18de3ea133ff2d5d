"""Values that people write, each parsed and bounded once.

A refusal says what is wrong, and what is allowed. It never repeats the value.
"""
