"""Which of a question's words a passage has: for telling why it was found."""

from collections.abc import Sequence
from uuid import UUID

from core.db.pool import Database
from core.db.shops import ShopState

SHARED = """
select passage_id, array_agg(lexeme order by lexeme)
from posting
where shop_id = %(shop)s and passage_id = any(%(passages)s::uuid[])
    and lexeme in (select lexemes(%(config)s::regconfig, %(query)s))
group by passage_id
"""


async def shared_words(
    database: Database, state: ShopState, query: str, passages: Sequence[UUID]
) -> dict[UUID, list[str]]:
    """The lexemes of the question that each passage has; no entry without one. Raises DatabaseUnavailable."""
    values = {"shop": state.shop_id, "passages": list(passages), "config": state.text_config, "query": query}
    return dict(await database.read(state.shop_id, SHARED, values))
