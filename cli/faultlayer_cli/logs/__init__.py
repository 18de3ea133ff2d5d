"""Logs of functions, summed up: what was injected, against invocations, errors and durations.

    sources (CloudWatch, files) --messages--> lines (what each says) --> sums --> report

A message that is not understood is skipped, never guessed at. Nothing is written.
"""
