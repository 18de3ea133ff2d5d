"""From text to rules: variables, plans, other tools' formats, live sources.

    variables ─────────────────────────────┐
    plan: rule_reader, other_tools ── draft ┴─> configuration ──> RuleSet ──> Chooser
      ^                                                              ^
    sources/{file,ssm,appconfig} ── live: read again beside the handler ┘

- A mistake in one rule leaves the others in force. A mistake in a setting that limits all rules
  leaves none in force.
- `Settings` of a plan and of the variables are merged in one place, `Settings.over`: the variables
  win.
- This room never acts on an invocation, and its messages never repeat a value.
"""
