"""Logs of functions, summed up: what was injected, against invocations, errors and durations.

    sources (CloudWatch, files) --messages--> lines (what each says) --> sums --> report
            files --> saved_forms --> pieces

A message that is not understood is skipped, never guessed at. If it names an injection, there is
no report at all. Nothing is written.
"""
