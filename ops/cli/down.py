"""`edge down`: a module of its own, since it must work whatever has become of the rest."""

import click

from ops.cli.settings import plain_errors, read_settings
from ops.stack.instance import InstanceError
from ops.stack.shutdown import stop_from_outside


@click.command()
def down() -> None:
    """Stop the stack of this EDGE_HOME, and whatever processes a killed one left behind.

    Requests that are under way are answered within the time that their function has; a second `edge down` cuts them.

    \b
    Examples:
      edge down
      EDGE_HOME=/srv/edge edge down
    """
    with plain_errors(OSError, InstanceError):
        click.echo(stop_from_outside(read_settings().home, say=lambda line: click.echo(line, err=True)))
