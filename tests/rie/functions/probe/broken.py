"""A function whose initialisation fails."""

raise RuntimeError("no table name")
