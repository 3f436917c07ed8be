"""`edge outbox`: what was acknowledged and is still to be stored or delivered, and what was given up."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click

from core.errors import OutboxUnavailable
from core.outbox.event import Stored
from core.outbox.store import Store
from ops.cli.database import outbox_folder
from ops.cli.settings import read_settings
from ops.cli.table import show

json_option = click.option("--json", "as_json", is_flag=True, help="JSON on standard output, for scripts.")
ids_argument = click.argument("event_ids", nargs=-1, type=click.UUID, metavar="[ID…]")
all_option = click.option("--all", "everything", is_flag=True, help="All that were given up.")


@click.group()
def outbox() -> None:
    """Show, retry and drop what waits to be stored in the database or delivered to an owner.

    Works on the outbox of EDGE_HOME, whether the stack runs or not; there must be one. What it holds is never shown.

    \b
    Examples:
      edge outbox list
      edge outbox list --dead --json
      edge outbox retry --all
      edge outbox drop 01900000-0000-7000-8000-000000000000
    """


@outbox.command("list")
@click.option("--dead", is_flag=True, help="Only what was given up.")
@json_option
def list_(*, dead: bool, as_json: bool) -> None:
    """Show what waits and what was given up, the oldest first."""
    with _opened() as store:
        found = store.listed(dead=True if dead else None)
    if as_json:
        click.echo(json.dumps([_plain(stored) for stored in found]))
        return
    rows = [[str(value) if value is not None else "-" for value in _plain(stored).values()] for stored in found]
    show(["id", "kind", "lane", "shop", "state", "attempts", "created", "due", "error"], rows, right={"attempts"})


@outbox.command()
@ids_argument
@all_option
@json_option
def retry(*, event_ids: tuple[UUID, ...], everything: bool, as_json: bool) -> None:
    """Try again what was given up: at once, and as often as if it were new."""
    with _opened() as store:
        chosen = _chosen(store, event_ids, everything=everything)
        count = store.revive(chosen)
    _tell("retried", count, as_json=as_json)


@outbox.command()
@ids_argument
@all_option
@json_option
def drop(*, event_ids: tuple[UUID, ...], everything: bool, as_json: bool) -> None:
    """Delete what was given up; it is lost then."""
    with _opened() as store:
        chosen = _chosen(store, event_ids, everything=everything)
        count = store.drop(chosen)
    _tell("dropped", count, as_json=as_json)


@contextmanager
def _opened() -> Iterator[Store]:
    store = Store(folder := outbox_folder(read_settings()))
    try:
        yield store
    except OutboxUnavailable as error:
        raise click.ClickException(f"the outbox in {folder} cannot be used: {error.__cause__ or error}") from error
    finally:
        store.close()


def _chosen(store: Store, event_ids: tuple[UUID, ...], *, everything: bool) -> list[UUID] | None:
    if bool(event_ids) == everything:
        raise click.UsageError("give ids of `edge outbox list --dead`, or --all")
    if everything:
        return None
    dead = {stored.event.id for stored in store.listed(dead=True)}
    if strange := [str(one) for one in event_ids if one not in dead]:
        raise click.ClickException(f"nothing of this id was given up: {', '.join(strange)}; nothing was changed")
    return list(event_ids)


def _tell(deed: str, count: int, *, as_json: bool) -> None:
    click.echo(json.dumps({deed: count}) if as_json else f"{deed} {count}")


def _plain(stored: Stored) -> dict[str, Any]:
    event = stored.event
    return {
        "id": str(event.id),
        "kind": event.kind,
        "lane": event.lane,
        "shopId": event.shop_id or None,
        "state": "dead" if stored.dead else "waiting",
        "attempts": stored.attempts,
        "createdAt": _time(event.created_at),
        "dueAt": _time(event.due_at) if event.due_at else None,
        "error": stored.error,
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
