"""`edge knowledge`: bring out, list and forget what shops know."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import click
import msgspec
import psycopg

from core.db.documents import count_loose, files_of, forget_documents, forget_loose
from core.db.names import MOST_NAMES, NAME_CHARS, names_of, set_names
from core.db.pool import Database
from core.db.tenants import list_shops
from core.errors import SettingsError
from core.settings import Settings
from ops.cli.database import application_connection, owner_connection, running_settings
from ops.cli.settings import plain_errors
from ops.cli.table import show
from ops.importing.exporting import exported_lines
from ops.importing.sources import absolute, text_of

SHOP = click.IntRange(1, 2**31 - 1)
shop_option = click.option("--shop", type=SHOP, required=True, help="The shop.")
files_argument = click.argument("files", nargs=-1, type=click.Path(path_type=Path))
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON value, for scripts.")


@click.group()
def knowledge() -> None:
    """Bring out, list and forget what a shop knows: all of it, or what came from files and folders.

    \b
    Examples:
      edge knowledge list --shop 1
      edge knowledge export --shop 1 --output shop-1.jsonl
      edge knowledge forget --shop 1 docs/old.pdf
      edge knowledge forget --shop 1 --all --yes
      edge knowledge name --shop 1 "The Copper Comb"
      edge learn shop-1.jsonl --shop 1       as it was before, with ids, times and documents
    """


@knowledge.command("list")
@click.option("--shop", type=SHOP, help="The files of this shop; without it all shops.")
@files_argument
@json_option
def list_(*, shop: int | None, files: tuple[Path, ...], as_json: bool) -> None:
    """Show what came from which file, or how much each shop knows."""
    rows = _shops() if shop is None else _files(shop, files)
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
    elif rows:
        show(list(rows[0]), [["-" if cell is None else str(cell) for cell in row.values()] for row in rows], _NUMBERS)
    else:
        click.echo("nothing is known", err=True)


@knowledge.command()
@shop_option
@files_argument
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="A file instead of the output.")
def export(*, shop: int, files: tuple[Path, ...], output: Path | None) -> None:
    """Write passages as JSONL, as they stand at one moment; `edge learn` takes them back as they were.

    A file is complete or not there: it gets its name at the end.
    """
    count = 0
    with _opened(output) as target, application_connection() as conn:
        for line in exported_lines(conn, shop, _names(files)):
            target.write(line)
            count += 1
    click.echo(f"{count} passages", err=True)


@knowledge.command()
@shop_option
@files_argument
@click.option("--all", "everything", is_flag=True, help="All that the shop knows, also what was written one by one.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def forget(*, shop: int, files: tuple[Path, ...], everything: bool, yes: bool, as_json: bool) -> None:
    """Forget what came from these files and folders, or everything. It cannot be undone: export it before."""
    if bool(files) == everything:
        raise click.UsageError("give either files or --all")
    _require_known(shop, files)
    if not yes:
        what = "everything" if everything else f"what came from {', '.join(_names(files))}"
        click.confirm(f"Forget {what} of shop {shop}?", abort=True, err=True)
    settings = running_settings()
    with plain_errors(SettingsError, psycopg.Error):
        documents, passages = asyncio.run(_forgotten(settings, shop, _names(files)))
    if as_json:
        click.echo(json.dumps({"documents": documents, "passages": passages}))
    else:
        click.echo(f"forgot {documents} documents" + (f" and {passages} passages of no document" if passages else ""))


@knowledge.command()
@shop_option
@click.argument("names", nargs=-1)
@click.option("--none", is_flag=True, help="It has no name any more.")
@json_option
def name(*, shop: int, names: tuple[str, ...], none: bool, as_json: bool) -> None:
    """Say what visitors call the shop, or show it: a question that names it is then asked about "it".

    "Is there parking at The Copper Comb?" is as near to all that names the shop as to its parking. A name of one word
    is known by its capital. NAMES take the place of those before.
    """
    if none and names:
        raise click.UsageError("give either names or --none")
    if any(not 0 < len(one.strip()) <= NAME_CHARS for one in names) or len(names) > MOST_NAMES:
        raise click.UsageError(
            f"at most {MOST_NAMES} names, none of them empty or of more than {NAME_CHARS} characters"
        )
    with owner_connection() as owner:
        if names or none:
            set_names(owner, shop, [one.strip() for one in names])
        found = names_of(owner, shop)
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(found) or "it has no name")


_NUMBERS = {"shop", "documents", "passages"}


def _require_known(shop: int, files: tuple[Path, ...]) -> None:
    """What is mistyped must not look forgotten; nothing is, then."""
    with application_connection() as conn:
        unknown = [name for name in _names(files) if not files_of(conn, shop, [name])]
    if unknown:
        raise click.ClickException(
            f"shop {shop} knows nothing from {', '.join(unknown)}; `edge knowledge list --shop {shop}` tells from what"
        )


def _names(files: tuple[Path, ...]) -> list[str]:
    return [text_of(absolute(path)) for path in files]


async def _forgotten(settings: Settings, shop: int, files: list[str]) -> tuple[int, int]:
    """How many documents went, and how many passages of none: those go where no files are named."""
    database = await Database.open(msgspec.structs.replace(settings, database_pool=1))
    try:
        documents = await forget_documents(database, shop, files)
        return documents, 0 if files else await forget_loose(database, shop)
    finally:
        await database.close()


def _shops() -> list[dict[str, object]]:
    with owner_connection() as owner:
        return [{"shop": row.shop_id, "tenant": row.tenant, "passages": row.passages} for row in list_shops(owner)]


def _files(shop: int, files: tuple[Path, ...]) -> list[dict[str, object]]:
    with application_connection() as conn:
        rows: list[dict[str, object]] = [
            {
                "documents": row.documents,
                "passages": row.passages,
                "imported": row.imported_at.isoformat(timespec="seconds"),
                "file": row.file,
            }
            for row in files_of(conn, shop, _names(files))
        ]
        if not files and (loose := count_loose(conn, shop)):
            rows.append({"documents": 0, "passages": loose, "imported": None, "file": None})
    return rows


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[bytes]]:
    if output is None:
        # Whoever reads may stop in the middle, which a transaction may not.
        with TemporaryFile() as spool:
            yield spool
            spool.seek(0)
            shutil.copyfileobj(spool, sys.stdout.buffer)
        return
    partial = output.with_name(f"{output.name}.partial")
    try:
        with partial.open("wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        partial.replace(output)
    except OSError as error:
        raise click.ClickException(f"{output}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
