"""`edge forget`: remove a person's data everywhere, and show that nothing is left."""

from collections.abc import Mapping
from typing import cast, get_args
from uuid import UUID

import click
import msgspec
import psycopg

from core.db.erasure import By
from ops.cli.database import outbox_folder, owner_connection
from ops.cli.settings import plain_errors, read_settings
from ops.forget import Forgotten, Person
from ops.forget import forget as forget_person


@click.command()
@click.option("--user", help="Whom, as the chatbot named them in userId.")
@click.option("--conversation", type=click.UUID, help="Whoever spoke in this conversation.")
@click.option("--handoff", type=click.UUID, help="Whoever opened this hand-off.")
@click.option("--contact", help="Whoever left this address or number in a hand-off.")
@click.option("--shop", "shop_id", type=click.IntRange(1, 2**31 - 1), help="Only in this shop; in all by default.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def forget(*, shop_id: int | None, as_json: bool, **known_by: str | UUID | None) -> None:
    """Remove a person's conversations and all that came of them, and look whether anything is left.

    A visitor without a userId is known by a conversation, a hand-off, or what they left to be reached at.

    Conversations, messages, ratings, corrections, transcripts, items of the learning queue and hand-offs; what waits in
    the outbox; the caches, which begin anew. What was approved as knowledge is the shop's own text and stays. Backups
    are not touched: they expire. Nor are the free space of PostgreSQL's files and its log overwritten at once.

    \b
    Examples:
      edge forget --user 4711
      edge forget --user 4711 --shop 1 --json
      edge forget --conversation 01900000-0000-7000-8000-000000000000
      edge forget --contact ada@mail.example
    """
    person = _person(known_by)
    settings = read_settings()
    outbox_folder(settings)  # of another folder it would be said that nothing is left there
    with plain_errors(psycopg.Error, OSError), owner_connection() as owner:
        done = forget_person(owner, settings, person, shop_id)
    click.echo(msgspec.json.encode(done).decode() if as_json else _text(done))
    if done.left:
        raise click.ClickException(f"still there: {_listed(done.left)}")


def _person(known_by: Mapping[str, str | UUID | None]) -> Person:
    given = {by: str(value) for by, value in known_by.items() if value is not None}
    if len(given) != 1:
        raise click.UsageError(f"give one of {', '.join(f'--{by}' for by in get_args(By))}")
    [(by, value)] = given.items()
    return Person(cast(By, by), value)


def _text(done: Forgotten) -> str:
    where = ", ".join(map(str, done.shops)) or "none"
    lines = [
        f"forgot   {done.by} {done.value} in shops {where}",
        f"removed  {_listed(done.removed)}",
        f"outbox   {done.outbox_events} events",
        f"caches   {', '.join(done.caches) or 'none'} begun anew",
        f"checked  {', '.join(done.checked)}: {_listed(done.left) if done.left else 'nothing is left'}",
        f"not      {'; '.join(done.unchecked)}",
    ]
    return "\n".join(lines)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if count) or "nothing"
