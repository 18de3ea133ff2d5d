"""Changes to many functions at once, as data: preview them all, then change each."""
