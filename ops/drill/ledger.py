"""The drill's own table: what was really written, against what was acknowledged."""

from array import array
from collections import Counter
from pathlib import Path

import msgspec
import psycopg

TABLE = """
create table drill_ledger (id bigint not null, release text not null, at timestamptz not null default clock_timestamp())
"""


class Writes(msgspec.Struct, frozen=True):
    """`lost`: acknowledged without a row. `doubled`: rows past the first of a number. `unasked`: rows of no request.

    `unacknowledged`: rows whose request was not acknowledged; no loss, but each of them is a failed request.
    """

    rows: int
    lost: int
    doubled: int
    unacknowledged: int
    unasked: int


def create(owner_dsn: str) -> None:
    """Make the table. Nothing in it is unique, so that a doubled write shows."""
    with psycopg.connect(owner_dsn, autocommit=True) as owner:
        owner.execute(TABLE)
        owner.execute("grant insert on drill_ledger to edge_app")


def check(owner_dsn: str, acknowledged: Path, first_id: int, last_id: int) -> Writes:
    """Compare the rows of the numbers asked for with the numbers in the generator's file."""
    known = array("q")
    known.frombytes(acknowledged.read_bytes())
    with psycopg.connect(owner_dsn) as owner:
        query = "select id from drill_ledger where id >= %s and id < %s"
        rows = Counter(number for (number,) in owner.execute(query, [first_id, first_id + (1 << 30)]))
    acked = set(known)
    return Writes(
        rows=rows.total(),
        lost=len(acked - rows.keys()),
        doubled=rows.total() - len(rows),
        unacknowledged=sum(number not in acked and number < last_id for number in rows),
        unasked=sum(number >= last_id for number in rows),
    )
