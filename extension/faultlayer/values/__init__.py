"""Values that people write, each parsed and bounded once.

    a variable's text, or a plan's JSON value ── kind.parse ──▶ the value that faults use
                                              ◀── kind.show ──

A refusal (ValueError) names the mistake; `kind.allowed` describes right values. The value itself is
never repeated: environment values are not logged.
"""
