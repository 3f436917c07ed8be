"""`edge completion`: what a shell needs to complete verbs, options, functions and releases."""

import click

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_EDGE_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, *, shell: str) -> None:
    """Print the code that completes `edge` in a shell: verbs, options, names of functions, ids of releases.

    Functions are those of this checkout, releases those of EDGE_HOME.

    \b
    Examples:
      eval "$(edge completion bash)"                               in ~/.bashrc
      eval "$(edge completion zsh)"                                in ~/.zshrc, after compinit
      edge completion fish > ~/.config/fish/completions/edge.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    # Not `source()` of bash's: it starts a bash to see its version.
    found = kind(ctx.find_root().command, {}, "edge", VARIABLE)
    click.echo(found.source_template % found.source_vars(), nl=False)
