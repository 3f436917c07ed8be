"""The `edge` command: one module a group of verbs, imported when it is called so that each call starts quickly."""

import importlib
import os
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

VERBS = {
    "up": ("ops.cli.run", "Start the whole stack in the foreground."),
    "down": ("ops.cli.down", "Stop the stack of this EDGE_HOME."),
    "status": ("ops.cli.status", "Show the parts of the running stack."),
    "deploy": ("ops.cli.deploy", "Switch functions to what stands in the tree."),
    "rollback": ("ops.cli.deploy", "Go back to an earlier release of a function."),
    "remove": ("ops.cli.remove", "Take a function away; its history stays."),
    "history": ("ops.cli.releases", "Show what happened to a function's releases, and why."),
    "diff": ("ops.cli.releases", "Show what differs between releases, or from the tree."),
    "list": ("ops.cli.listing", "Show the functions, what serves them and their limits."),
    "logs": ("ops.cli.logs", "Show or follow the log of a function or a part."),
    "invoke": ("ops.cli.invoke", "Call a function through its own socket."),
    "new": ("ops.cli.new", "Write a new function and its test."),
    "dev": ("ops.cli.dev", "Deploy each save while you edit."),
    "eval": ("ops.cli.evaluate", "Measure the search on a folder of judged questions."),
    "calibrate": ("ops.cli.calibrate", "Measure again what the model's scores are worth."),
    "host": ("ops.cli.host", "Replace the process that runs the functions."),
    "doctor": ("ops.cli.doctor", "Look for what is wrong with a running instance."),
    "eval-chat": ("ops.cli.eval_chat", "Ask questions whose facts are known, and judge the answers."),
    "learn": ("ops.cli.learn", "Import files into what a shop knows."),
    "knowledge": ("ops.cli.knowledge", "Export, list and forget what a shop knows."),
    "keys": ("ops.cli.keys", "Create, list and revoke the keys of shops."),
    "slo": ("ops.cli.slo", "Show the service levels; write what watches them."),
    "contact": ("ops.cli.contact", "Set whom to tell of a shop's hand-offs."),
    "forget": ("ops.cli.forget", "Remove a person's data everywhere, and show that nothing is left."),
    "outbox": ("ops.cli.outbox", "Show, retry and drop what waits to be stored or delivered."),
    "reembed": ("ops.cli.reembed", "Move every shop to another embedding model."),
    "completion": ("ops.cli.completion", "Print what a shell needs to complete `edge`."),
}
FOREGROUND = ("up", "dev")


class LazyGroup(click.Group):
    """Imports a verb's module only when that verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        name = cmd_name.replace("-", "_")
        try:
            module = importlib.import_module(VERBS[cmd_name][0])
        except KeyboardInterrupt:
            if cmd_name not in FOREGROUND:
                raise
            # Ctrl-C is how they are ended: this early too, it is no failure.
            click.echo("stopped before anything was started")
            ctx.exit(0)
        except Exception as error:  # noqa: BLE001 - a save may have broken core/ in any way
            from ops.cli.standin import import_again

            module = import_again(VERBS[cmd_name][0], cmd_name, error)
        # A verb that would hide a name of Python's ends in an underscore there.
        command: click.Command = getattr(module, f"{name}_", None) or getattr(module, name)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list["CompletionItem"]:
        """Verbs and options; click's own would import every verb's module at each press of the key."""
        from click.shell_completion import CompletionItem

        verbs = [CompletionItem(name, help=text) for name, (_, text) in VERBS.items() if name.startswith(incomplete)]
        return verbs + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in VERBS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="cutting-edge", prog_name="edge")
@click.pass_context
def main(ctx: click.Context, /, **_: Any) -> None:
    """Run and operate Cutting Edge on this machine.

    Settings come from EDGE_… variables; docs/configuration.md lists them.

    \b
    Exit status: 0 done, 1 failed (the reason is on standard error), 2 wrong usage, 3 refused by the gate,
    4 no host answers, 5 and 6 an invoked function answered 4xx and 5xx.

    \b
    Examples:
      edge up                              start everything, on 127.0.0.1:8080
      EDGE_PORT=9000 edge up               the same on another port
      edge status --json                   the parts, for a script
      edge deploy                          switch to what changed in functions/ and core/
      edge rollback search                 and back again
      edge doctor                          is all well
      edge learn faq.jsonl docs/ --shop 1  import files; what is there already is skipped
      edge keys create --shop 1 --name web a key for shop 1, shown once
    """
    if os.environ.get("NO_COLOR"):  # https://no-color.org
        ctx.color = False
