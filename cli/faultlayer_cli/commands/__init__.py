"""One file per command: click parses, a room does the work, the result is printed."""
