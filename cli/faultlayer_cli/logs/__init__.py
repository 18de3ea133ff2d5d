"""Logs of functions, summed up: injections against invocations, errors and durations.

    sources (CloudWatch, files) --messages--> lines (facts of each) --> sums --> report
            files --> saved_forms --> pieces

A message that is not understood is skipped, never guessed at. If it names an injection, there is
no report at all. Nothing is written.
"""
