"""`edge keys`: create, list and revoke keys. Their hashes lie in the database, their text is shown once."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

import click
from rich.console import Console
from rich.table import Table

from core.db.keys import Key, create_key, list_keys, revoke_key
from ops.cli.owner import owner_connection


@click.group()
def keys() -> None:
    """Create, list and revoke the keys that callers send as `Authorization: Bearer …`.

    \b
    Examples:
      edge keys create --shop 1 --name website
      edge keys create --operator --name admin --json
      edge keys list
      edge keys revoke 01900000-0000-7000-8000-000000000000
    """


@keys.command()
@click.option("--shop", type=click.IntRange(1, 2**31 - 1), help="The shop that the key is for.")
@click.option("--operator", is_flag=True, help="A key for every shop.")
@click.option("--name", required=True, help="What it is for, so that you know which one to revoke.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def create(*, shop: int | None, operator: bool, name: str, as_json: bool) -> None:
    """Make a key and print it: it cannot be shown again."""
    if (shop is None) != operator:
        raise click.UsageError("give either --shop N or --operator")
    if not 1 <= len(name.strip()) <= 200:  # noqa: PLR2004 - the table's own limit
        raise click.UsageError("--name takes 1 to 200 characters")
    with owner_connection() as owner:
        key_id, key = create_key(owner, name=name.strip(), shop_id=shop)
    if as_json:
        click.echo(json.dumps({"id": str(key_id), "key": key, "shopId": shop}))
    else:
        click.echo(key)
        click.echo(f"id {key_id}; keep the key above now, it is not shown again", err=True)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for scripts.")
def list_(*, as_json: bool) -> None:
    """Show all keys, the oldest first; never their text."""
    with owner_connection() as owner:
        found = list_keys(owner)
    if as_json:
        click.echo(json.dumps([_plain(key) for key in found]))
        return
    table = Table("id", "shop", "name", "created", "revoked", box=None, pad_edge=False)
    for key in found:
        shop = "every" if key.shop_id is None else str(key.shop_id)
        table.add_row(str(key.id), shop, key.name, _time(key.created_at), _time(key.revoked_at) or "-")
    Console(highlight=False, markup=False).print(table)


@keys.command()
@click.argument("key_id", type=click.UUID)
def revoke(*, key_id: UUID) -> None:
    """Make a key useless from the next request on."""
    with owner_connection() as owner:
        if not revoke_key(owner, key_id):
            raise click.ClickException(f"no key {key_id} that is in force: `edge keys list` shows them")
    click.echo(f"revoked {key_id}")


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def _plain(key: Key) -> dict[str, Any]:
    return {
        "id": str(key.id),
        "shopId": key.shop_id,
        "name": key.name,
        "createdAt": _time(key.created_at),
        "revokedAt": _time(key.revoked_at),
    }
