"""Which of a question's words a passage has: for telling why it was found."""

from collections.abc import Sequence
from uuid import UUID

from psycopg import sql

from core.db.pool import Database
from core.db.search import QUESTION
from core.db.shops import ShopState

SHARED = sql.SQL(
    QUESTION
    + """
select passage_id, array_agg(distinct lexeme order by lexeme)
from question join posting using (lexeme)
where posting.shop_id = {shop} and passage_id = any(%(passages)s::uuid[])
group by passage_id
"""
).format(shop=sql.SQL("%(shop)s"), slips=sql.Literal(True), unknown=sql.Literal(1))


async def shared_words(
    database: Database, state: ShopState, query: str, passages: Sequence[UUID], in_full: str | None = None
) -> dict[UUID, list[str]]:
    """The lexemes that each passage shares with the question, slips put right; no entry without one.

    `in_full` is the question's of `core.db.search.Question`. Raises DatabaseUnavailable.
    """
    values = {"shop": state.shop_id, "passages": list(passages), "query": query, "in_full": in_full}
    return dict(await database.read(state.shop_id, SHARED, values))
