"""`edge reembed`: move every shop to another embedding model while searches go on."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from core.db.models import ModelRow
from core.db.reembedding import Left, shops_left
from core.settings import Settings
from ops.cli.database import running_settings
from ops.cli.settings import plain_errors
from ops.cli.workplace import json_option
from ops.reembedding import Change, Progress, ReembedError, Summary
from ops.stack.database import opened_parts
from ops.stack.folders import Folders

LOAD_S = 120.0  # a large model that is loaded for the first time


@click.command()
@click.option("--to", nargs=2, metavar="URL MODEL", help="The new model, where settings do not name it yet.")
@click.option("--query-prefix", help="With --to: what the model wants before a question, if it is unknown by name.")
@click.option("--document-prefix", help="With --to: the same before a passage.")
@click.option("--anyway", is_flag=True, help="Move to a model, too, that finds worse than any of use.")
@click.option("--dry-run", is_flag=True, help="Say what is left to do, and do nothing.")
@json_option
def reembed(  # noqa: PLR0913 - the options of a command
    *,
    to: tuple[str, str] | None,
    query_prefix: str | None,
    document_prefix: str | None,
    anyway: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Embed every passage with another model, then switch each shop to it at once.

    Searches go on with the old vectors until a shop has all of the new ones. The old model's server must answer
    until then. Killed or interrupted, the same command goes on where it was. Without --to the model is the one that
    EDGE_OLLAMA_URL and EDGE_EMBED_MODEL name. Afterwards they may be set to the new one whenever you like: the
    database knows which model each shop uses, and where it is.

    \b
    Examples:
      edge reembed --to http://127.0.0.1:11434 nomic-embed-text
      edge reembed --dry-run --json
      EDGE_EMBED_MODEL=nomic-embed-text edge reembed
    """
    if to is None and (query_prefix, document_prefix) != (None, None):
        raise click.UsageError("--query-prefix and --document-prefix go with --to")
    if to is not None and "@" in to[0]:
        raise click.UsageError("functions find a server with a password only through EDGE_OLLAMA_URL: set that first")
    settings = running_settings(model=to is None)
    if to is not None:
        settings = msgspec.structs.replace(
            settings,
            ollama_url=to[0],
            embed_model=to[1],
            embed_query_prefix=query_prefix,
            embed_document_prefix=document_prefix,
        )
    with plain_errors(psycopg.Error, ReembedError, ValueError), _reachable(settings) as complete:
        summary = asyncio.run(_run(complete, anyway=anyway, dry_run=dry_run, as_json=as_json))
    if as_json:
        click.echo(msgspec.json.encode(summary))
    else:
        _tell_end(summary, dry_run=dry_run)
        if not dry_run:
            embedded = f"unix:{Folders(settings.home).run / 'model.sock'}"
            click.echo(what_to_set(summary, embedded))


async def _run(settings: Settings, *, anyway: bool, dry_run: bool, as_json: bool) -> Summary:
    async with opened_parts(settings) as (database, embedder):
        shown = _Shown(quiet=as_json or dry_run)
        assert settings.database_url is not None
        change = Change(database, settings.database_url, embedder, shown.tell)
        shown.say(f"calibrating {settings.embed_model}")
        row = await change.prepare(anyway=anyway)
        left = await shops_left(database, row)
        if dry_run:
            return change.summary(row, left)
        with shown.bar:
            shown.expect(row, left)
            return await change.run(row)


@contextmanager
def _reachable(settings: Settings) -> Iterator[Settings]:
    """Settings with a home for the lane that no later start stumbles over."""
    with tempfile.TemporaryDirectory(prefix="edge-reembed-") as apart:
        home = settings.home if (settings.home / "run").exists() else Path(apart)
        yield msgspec.structs.replace(settings, home=home, embed_deadline_s=LOAD_S)


class _Shown:
    """Progress for a person: a bar on a terminal, a line a shop elsewhere; nothing where `quiet`."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._of_shop: dict[int, int] = {}
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.bar = Bar(*columns, console=console, disable=quiet or not console.is_terminal)
        self._task = self.bar.add_task("passages", total=None)

    def expect(self, row: ModelRow, left: list[Left]) -> None:
        total = sum(shop.passages for shop in left)
        self.bar.update(self._task, total=total)
        self.say(f"{total} passages of {len(left)} shops to embed with {row.name}, {row.dimensions} dimensions")

    def tell(self, step: Progress) -> None:
        self._of_shop[step.shop_id] = self._of_shop.get(step.shop_id, 0) + step.embedded
        self.bar.advance(self._task, step.embedded)
        if step.switched:
            self.say(f"shop {step.shop_id}: {self._of_shop[step.shop_id]} passages embedded, switched")

    def say(self, line: str) -> None:
        if not self._quiet:
            self.bar.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _tell_end(summary: Summary, *, dry_run: bool) -> None:
    if dry_run:
        passages = sum(shop.passages for shop in summary.left)
        waiting = sum(not shop.uses for shop in summary.left)
        click.echo(f"{passages} passages to embed with {summary.model}, {waiting} shops to switch")
        return
    click.echo(
        f"{summary.embedded} passages embedded in {summary.seconds} s; every shop uses {summary.model} now, "
        f"{summary.dimensions} dimensions"
    )


def what_to_set(summary: Summary, embedded: str) -> str:
    """What becomes of the settings; `embedded` is the address of the instance's own model server."""
    if summary.url == embedded:
        return "Leave EDGE_OLLAMA_URL and EDGE_EMBED_MODEL unset from the next start on: this is the embedded model."
    return (
        f"Set EDGE_OLLAMA_URL={summary.url} and EDGE_EMBED_MODEL={summary.model} when it suits you, "
        "and keep that server running."
    )
