"""Tests, one file for each module of the room of this name."""
