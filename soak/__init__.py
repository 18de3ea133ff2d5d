"""Endurance: a million invocations through the layer, each with a known outcome."""
