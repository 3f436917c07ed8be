"""Exit statuses of `edge`, the same for every verb; docs/command-line.md explains them."""

from enum import IntEnum

import click


class Exit(IntEnum):
    """What a script can rely on."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    NO_HOST = 4
    CLIENT_ERROR = 5
    SERVER_ERROR = 6


class NoHostError(click.ClickException):
    """Nothing answers where the host, or a function, of this EDGE_HOME would."""

    exit_code = Exit.NO_HOST
