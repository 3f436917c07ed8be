"""The `edge` command: one module a group of verbs, imported when it is called so that each call starts quickly."""

import importlib
from typing import Any

import click

VERBS = {
    "up": ("ops.cli.run", "Start the whole stack in the foreground."),
    "down": ("ops.cli.run", "Stop the stack of this EDGE_HOME."),
    "status": ("ops.cli.run", "Show the parts of the running stack."),
    "deploy": ("ops.cli.deploy", "Switch functions to what stands in the tree."),
    "rollback": ("ops.cli.deploy", "Go back to an earlier release of a function."),
    "keys": ("ops.cli.keys", "Create, list and revoke the keys of shops."),
}


class LazyGroup(click.Group):
    """Imports a verb's module only when that verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        command: click.Command = getattr(importlib.import_module(VERBS[cmd_name][0]), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in VERBS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="cutting-edge", prog_name="edge")
def main(**_: Any) -> None:
    """Run and operate Cutting Edge on this machine.

    Settings come from EDGE_… variables; docs/configuration.md lists them.

    \b
    Exit status: 0 done, 1 failed (the reason is on standard error), 2 wrong usage.

    \b
    Examples:
      edge up                              start everything, on 127.0.0.1:8080
      EDGE_PORT=9000 edge up               the same on another port
      edge status --json                   the parts, for a script
      edge keys create --shop 1 --name web a key for shop 1, shown once
    """
