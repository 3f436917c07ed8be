"""Who reads the output."""

import sys


def on_terminal() -> bool:
    """Whether a person does, on a terminal."""
    return sys.stdout.isatty()
