"""The configuration as text, and the rules that follow from it.

    variables ── draft ── rule_reader ── plan (other_tools) ── configuration
                                           │
    sources/{file,ssm,appconfig} ──────── live: read again beside the handler

A mistake in one rule leaves the others in force; a mistake in what limits all rules leaves none.
This room never acts on an invocation, and no message of it repeats a value.
"""
