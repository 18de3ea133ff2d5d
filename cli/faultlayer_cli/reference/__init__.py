"""Pages that are generated from the code: reference tables, permissions, the plan's schema."""
