"""What a command works on: the source tree, the instance of EDGE_HOME, and its host."""

import os
import pwd
from pathlib import Path
from typing import Any

import click

from core.settings import Settings
from ops.cli.exits import NoHostError
from ops.cli.settings import read_settings
from ops.host import control
from ops.release.journal import Journal
from ops.release.store import Store
from ops.stack.folders import Folders

ROOT = Path(__file__).resolve().parents[2]
STATUS_TIMEOUT_S = 10.0

root_option = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=ROOT,
    help="The source tree with functions/ and core/; this checkout by default.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON on standard output, for scripts.")


class Workplace:
    """`root` holds the sources, `folders` the state; the host need not run until it is asked."""

    def __init__(self, settings: Settings, root: Path = ROOT) -> None:
        self.settings = settings
        self.root = root.absolute()
        self.folders = Folders(settings.home)
        self.store = Store(self.folders.releases)
        self.journal = Journal(self.folders.journal)

    def ask(
        self, request: dict[str, Any], *, timeout_s: float = STATUS_TIMEOUT_S, progress: control.Emit | None = None
    ) -> dict[str, Any]:
        """Ask the host; raises NoHostError, and ClickException when it is silent or does not understand."""
        try:
            answer = control.ask(self.folders.run, request, timeout_s=timeout_s, progress=progress)
        except TimeoutError as error:
            raise click.ClickException(f"the host has not answered for {timeout_s:g} s") from error
        except OSError as error:
            raise NoHostError(
                f"no host answers in {self.folders.home} ({error}): start it with `make up` or `edge up`"
            ) from error
        if "error" in answer:
            raise click.ClickException(str(answer["error"]))
        return answer

    def functions(self) -> dict[str, dict[str, Any]]:
        """The state of each function by its name, as the host tells it; raises as `ask` does."""
        return {function["name"]: function for function in self.ask({"op": "status"})["functions"]}


def open_workplace(root: Path = ROOT) -> Workplace:
    """The workplace of this environment's settings."""
    return Workplace(read_settings(), root)


def operator(verb: str) -> str:
    """Who does it, for the journal: `edge deploy (alice)`."""
    user = os.environ.get("SUDO_USER")
    if not user:
        try:
            user = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            user = str(os.getuid())
    return f"edge {verb} ({user})"
