"""`edge keys`: create, list and revoke keys. Their hashes lie in the database, their text is shown once."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from core.db.keys import Key, create_key, list_keys, revoke_key
from ops.cli.database import owner_connection
from ops.cli.table import show


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
    # The name last: it is what a narrow terminal may fold.
    show(("id", "shop", "created", "revoked", "name"), [_row(key) for key in found], right={"shop"})


@keys.command()
@click.argument("key_id")
def revoke(*, key_id: str) -> None:
    """Make a key useless from the next request on. KEY_ID may be shortened to what no other key in force begins with.

    \b
    Examples:
      edge keys revoke 01900000-0000-7000-8000-000000000000
      edge keys revoke 01900000-0000-7
    """
    with owner_connection() as owner:
        found = _in_force(list_keys(owner), key_id)
        if not revoke_key(owner, found.id):
            raise click.ClickException(f"key {found.id} was revoked meanwhile")
    click.echo(f"revoked {found.id}, {found.name}")


def _in_force(keys_: Sequence[Key], prefix: str) -> Key:
    """The one key in force whose id begins so; raises ClickException, and BadParameter that lists those that do."""
    wanted = prefix.strip().lower()
    matches = [key for key in keys_ if wanted and key.revoked_at is None and str(key.id).startswith(wanted)]
    if not matches:
        raise click.ClickException(f"no key {prefix} that is in force: `edge keys list` shows them")
    if len(matches) > 1:
        listed = ", ".join(str(key.id) for key in matches)
        raise click.BadParameter(f"{prefix!r} is not unique; there are: {listed}", param_hint="KEY_ID")
    return matches[0]


def _row(key: Key) -> tuple[str, ...]:
    shop = "every" if key.shop_id is None else str(key.shop_id)
    return str(key.id), shop, _time(key.created_at) or "-", _time(key.revoked_at) or "-", key.name


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
