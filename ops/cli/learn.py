"""`edge learn`: import files and folders into what a shop knows."""

import codecs
import sys
from collections.abc import Coroutine
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import click
import psycopg

from ops.cli.database import connect_owner, running_settings
from ops.cli.exits import Exit
from ops.cli.learning import Telling
from ops.cli.settings import plain_errors
from ops.importing.report import Report
from ops.importing.rounds import run_rounds
from ops.importing.run import PATIENCE_S, Options
from ops.importing.shops import OneShop, TenantShops

SHOP = click.IntRange(1, 2**31 - 1)


def _known_encoding(_: click.Context, __: click.Parameter, name: str) -> str:
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise click.BadParameter(f"{name} is not known") from error


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--shop", type=SHOP, help="The shop that learns.")
@click.option("--tenant-field", metavar="NAME", help="The field of each row that says whose it is, instead of --shop.")
@click.option("--watch", is_flag=True, help="Go on, and import what is saved until Ctrl-C.")
@click.option("--prune", is_flag=True, help="Forget what is no longer in the files and folders.")
@click.option("--again", is_flag=True, help="Write unchanged documents, too.")
@click.option(
    "--encoding",
    default="utf-8",
    show_default=True,
    callback=_known_encoding,
    help="Of text without a byte order mark.",
)
@click.option("--patience", default=PATIENCE_S, show_default=True, help="Seconds to wait for a part that is away.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end (with --watch one a round).")
def learn(  # noqa: PLR0913 - its options
    *,
    files: tuple[Path, ...],
    shop: int | None,
    tenant_field: str | None,
    watch: bool,
    prune: bool,
    again: bool,
    encoding: str,
    patience: float,
    as_json: bool,
) -> None:
    """Import JSONL, CSV, Markdown, text, HTML, PDF and DOCX; folders with all that is below them.

    A document is written in one transaction: what is there unchanged is skipped, what changed is exchanged whole,
    what fails is listed and tried again by the same command, as is what a kill left undone.

    Rows of JSONL have `text`, and may have `_id`, `title`, `category`, `source`, `metadata`; other fields become
    metadata. CSV names the same columns in its first row.

    \b
    Exit status: 0 all that there is was imported or was there already, 1 something failed or a part stayed away,
    4 nothing runs here.

    \b
    Examples:
      edge learn faq.jsonl handbook.pdf docs/ --shop 1
      edge learn corpus.jsonl --tenant-field tenant      each tenant gets a shop, for good
      edge learn docs/ --shop 1 --watch --prune          follow a folder
      edge learn prices.csv --shop 1 --encoding cp1252 --json
    """
    if (shop is None) == (tenant_field is None):
        raise click.UsageError("give either --shop N or --tenant-field NAME")
    settings = running_settings(model=True)
    options = Options(encoding=encoding, tenant_field=tenant_field, again=again, prune=prune, patience_s=patience)
    telling = Telling(as_json=as_json)
    shops = OneShop(shop) if shop is not None else TenantShops(partial(connect_owner, settings))
    with plain_errors(psycopg.Error), closing(shops):
        report = _run(run_rounds(settings, files, shops, options, watch=watch, telling=telling))
    sys.exit(Exit.DONE if report.is_whole or (watch and report.stopped is None) else Exit.FAILED)


def _run(rounds: Coroutine[Any, Any, Report]) -> Report:
    import uvloop

    return uvloop.run(rounds)
