"""The demo: one example function, untouched and with each of the three opening faults."""
