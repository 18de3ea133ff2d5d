"""Logs of functions: where they come from, what each line says, and the sums of a report."""
