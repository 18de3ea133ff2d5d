"""The nouns of this program: invocations, answers, actions, faults.

    Invocation ── Fault.decide(options, invocation, draw) ──▶ Action ──▶ carried out in `acting`
    fronts: the service that sent the event, and the answers that it reads
    Answer: the function's response, whole or streamed

Plain data without effects. This room imports nothing that acts, and no fault.
"""
