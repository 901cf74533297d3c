"""Command lines that are no good: missing, doubled, empty and unknown options, and bytes that are no text.

    POWERCONSUL=... python3 test_command_lines.py [part of a name] [--list] [--show]
"""
import sys

from rows import Row, main

ROWS = [
    Row("no command", [], 64, err="powerconsul: a command is missing; see powerconsul --help\n"),
]

if __name__ == "__main__":
    sys.exit(main(ROWS))
