"""Plans: as files, and as live plans in a parameter or an AppConfig profile."""
