"""The demo: one example function, untouched and with each of the three opening faults.

    scenes (what to ask, and the answers of the emulator) --> screen (one table, one chart)

Every number that is shown was measured in this run.
"""
