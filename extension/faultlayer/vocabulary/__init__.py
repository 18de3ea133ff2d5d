"""The nouns of this program: what arrives, what leaves, what may be done, what a fault is.

    Invocation ── Fault.decide(options, invocation, draw) ──▶ Action ──▶ carried out in `acting`
    fronts: who sent the event, and which answers are read there
    Answer: the function's response, whole or streamed

Plain data without effects. This room imports nothing that acts, and no fault.
"""
