"""Endurance: a million invocations through the layer, each with an outcome known beforehand."""
