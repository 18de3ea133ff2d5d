"""One file per command: click parses, a room does the work, the result is printed.

    arguments --options, fault_flags--> checked values --> a room --> data --output--> text

    options, fault_flags  flags that several commands share; every fault's flags
    output, results       tables, JSON, one line per function that was not changed
    all others            a command each, imported only if it is asked for

Only `terminal` prints: it makes every text safe for a terminal. No other room but the demo imports
click, or knows the terminal. A command parses, asks and prints; all other work belongs to a room:
an experiment must be able to do the same without a terminal.
"""
