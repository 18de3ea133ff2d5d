"""Fuzz targets, their corpora, and what they have found; `python -m tests.fuzz` runs them."""
