"""`edge forget`: remove a person's data everywhere, and show that nothing is left."""

import click
import msgspec
import psycopg

from ops.cli.database import owner_connection
from ops.cli.settings import plain_errors, read_settings
from ops.forget import Forgotten
from ops.forget import forget as forget_person


@click.command()
@click.option("--user", "user_id", required=True, help="Whom, as the chatbot named them in userId.")
@click.option("--shop", "shop_id", type=click.IntRange(1, 2**31 - 1), help="Only in this shop; in all by default.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def forget(*, user_id: str, shop_id: int | None, as_json: bool) -> None:
    """Remove a person's conversations and all that came of them, and look whether anything is left.

    Conversations, messages, ratings, corrections, transcripts, items of the learning queue and hand-offs; what waits in
    the outbox; the caches, which begin anew. What was approved as knowledge is the shop's own text and stays. Backups
    are not touched: they expire.

    \b
    Examples:
      edge forget --user 4711
      edge forget --user 4711 --shop 1 --json
    """
    settings = read_settings()
    with plain_errors(psycopg.Error, OSError), owner_connection() as owner:
        done = forget_person(owner, settings, user_id, shop_id)
    click.echo(msgspec.json.encode(done).decode() if as_json else _text(done))
    if done.left:
        raise click.ClickException(f"still there: {_listed(done.left)}")


def _text(done: Forgotten) -> str:
    where = ", ".join(map(str, done.shops)) or "none"
    lines = [
        f"forgot {done.user_id} in shops {where}",
        f"removed  {_listed(done.removed)}",
        f"outbox   {done.outbox_events} events",
        f"caches   {', '.join(done.caches) or 'none'} begun anew",
        f"checked  {', '.join(done.checked)}: {_listed(done.left) if done.left else 'nothing is left'}",
    ]
    return "\n".join(lines)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if count) or "nothing"
