"""The search: nearest vectors and rarest words in one statement, exact within the shop unless the shop has an index.

score = D + 0.35 · coverage + codes. D is the largest cosine between the question and the vectors of a passage (the
whole and its chunks), and a sixth of it the whole's: of two passages with as good a sentence, the one that is all
about it.
coverage is the share of the question's words that the passage has, each weighed by its idf within the shop. A word
that the shop does not know counts as the commonest of those that are one slip of the keyboard away from it, else it
stays in the denominator, with less weight: it may be a filler as well as what is asked for. Coverage is absolute
(0..1), without term frequency and length, and was better than BM25 and reciprocal rank fusion on six sets of questions.
codes is what the codes in the question tell (GN-5294): up to 0.35 for a passage that has them, -0.15 for one that has
none, 0 where there are none.
"""

from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from pgvector import HalfVector
from psycopg import sql
from psycopg.rows import args_row

from core.db.connection import Connection
from core.db.models import ModelRow
from core.db.pool import Database
from core.db.shops import ShopState

COVERAGE_WEIGHT = 0.35
UNKNOWN_WEIGHT = 0.7  # of a word that no passage of the shop has
# Of the question's codes in a passage that has them, and in one that lacks them. Whoever names a code asks about it and
# nothing like it, while a model hardly sees what tells it from the next.
CODES_FOUND = 0.35
CODES_MISSING = 0.15
WHOLE = 0.2  # of the whole passage's cosine, to 1 of the best
# A bare 0.4 is a numeric: slow sums.
_PARTS = {"weight": COVERAGE_WEIGHT, "whole": WHOLE, "codes_found": CODES_FOUND, "codes_missing": CODES_MISSING}
WEIGHTS = {name: sql.SQL(f"{weight}::float8") for name, weight in _PARTS.items()}
# That each side gives in a shop with an index, before both are scored exactly. recall@10 against the exact search in
# shops of 3 000 and 10 000 passages: with 200 .998 and 1.000, with 100 .985 and .998 (docs/benchmarks/retrieval.md).
CANDIDATES = 200
# In shops up to this the plan that is kept is the faster one: planning costs 1 ms, in a shop of tens more than all the
# rest. A larger one is worth a plan of its own (docs/decisions/0052-a-plan-kept-for-small-shops.md).
KEPT_PLAN_PASSAGES = 1_000

# idf as in BM25 with its plus one, never negative (Robertson & Zaragoza 2009, 3.3; Lucene's BM25Similarity).
# `slip` is the pattern of what an unknown word may have been meant for: a letter too many, missing, another or swapped
# (Damerau 1964), the first one kept. Only words of five letters and more, for a small shop lacks many good short words
# and knows others like them, and none with ASCII's digits and signs: another number is another thing, and signs mean
# something in a pattern. Where words alone decide, wrong guesses cost more than right ones bring. It needs no extension
# and no table of variants. `low` and `high` hold the look-up to words of the same first letter; z and other alphabets,
# whose next letter depends on the collation, to all words.
# `code` is how rare a code is, to 1 of one in a single passage. It has letters before its digits: "10am" and a year are
# none. And the shop knows it, or others like it (`has_code_like`): a car's plate is a word as any other to a shop
# without such. `with_codes` takes "gn 5294" for a code where the shop has others like it.
QUESTION = """
with asked as materialized (
    select word.lexeme, df, ln(1 + (passages - coalesce(df, 0) + 0.5::float8) / (coalesce(df, 0) + 0.5::float8)) as idf,
        ln(1 + (passages - 0.5::float8) / 1.5::float8) as rarest,
        case when word.lexeme ~ '^[a-y]' then left(word.lexeme, 1) else '' end as low,
        chr(case when word.lexeme ~ '^[a-y]' then ascii(word.lexeme) + 1 else 65535 end) as high,
        {slips} and word.lexeme ~ '^[^!-@[-`{{-~]+[0-9][^!-/:-@[-`{{-~]*$' and length(word.lexeme) <= 24 as is_code,
        case when {slips} and df is null and word.lexeme ~ '^[^!-@[-`{{-~]{{5,24}}$' then (
            select '^(' || string_agg(concat_ws('|',
                left(word.lexeme, at) || '.?' || substr(word.lexeme, at + 2),
                left(word.lexeme, at) || '.' || substr(word.lexeme, at + 1),
                left(word.lexeme, at) || substr(word.lexeme, at + 2, 1) || substr(word.lexeme, at + 1, 1)
                    || substr(word.lexeme, at + 3)
            ), '|') || ')$'
            from generate_series(1, length(word.lexeme)) as at
        ) end as slip
    from shop
    cross join (
        select case when words ~ '[0-9]' then with_codes({shop}, words) else words end
        from (
            select case
                when %(in_full)s::text is null or exists (
                    select from shop, lexemes(text_config, %(query)s) where shop.id = {shop}
                ) then %(query)s::text else %(in_full)s::text
            end
        ) as given (words)
        offset 0  -- lexemes() is taken for its text, and its rows counted, where its argument is no query
    ) as said (words)
    cross join lexemes(text_config, said.words) as word (lexeme)
    left join term on term.shop_id = {shop} and term.lexeme = word.lexeme
    where shop.id = {shop}
),
question as materialized (
    select coalesce(meant.lexeme, asked.lexeme) as lexeme,
        case when asked.df is null and meant.lexeme is null then idf * {unknown} else idf end as idf,
        case when asked.is_code and (asked.df is not null or has_code_like({shop}, asked.lexeme))
            then least(1, idf / rarest)
        end as code
    from asked left join lateral (
        select term.lexeme from term
        where asked.slip is not null and term.shop_id = {shop}
            and term.lexeme >= asked.low and term.lexeme < asked.high and term.lexeme ~ asked.slip
        order by term.df desc, term.lexeme
        limit 1
    ) as meant on true
)
"""
LEXICAL = """,
lexical as materialized (
    select passage_id, sum(idf) / (select sum(idf) from question) as coverage,
        sum(code) / (select count(code) from question) as codes
    from question join posting using (lexeme)
    where posting.shop_id = {shop} {wanted}
    group by passage_id
),
"""
EXACT = """
measured as (
    select passage_id, ordinal, embedding <=> %(embedding)b as distance
    from passage_vector
    where shop_id = {shop} and model_id = {model} {wanted}
    offset 0  -- a distance is computed once, not for each time that it is named
),
"""
# The index is of one shop and one model (core.db.ann): the planner knows it by literals of the statement's text.
APPROXIMATE = """
near as materialized (
    select passage_id from passage_vector
    where shop_id = {shop} and model_id = {model}
    order by (embedding::halfvec({dimensions})) <=> %(embedding)b::halfvec({dimensions})
    limit {candidates}
),
worded as materialized (
    select passage_id from lexical order by coverage desc, passage_id limit {candidates}
),
measured as (
    select passage_id, ordinal, embedding <=> %(embedding)b as distance
    from passage_vector
    where shop_id = {shop} and model_id = {model}
        and passage_id in (select passage_id from near union select passage_id from worded)
    offset 0
),
candidate as (select passage_id from near union select passage_id from worded),
"""
DENSE = """
dense as materialized (
    select passage_id,
        1 - (min(distance) + {whole} * min(distance) filter (where ordinal = 0)) / (1 + {whole}) as cosine
    from measured
    group by passage_id
),
"""
# A passage that has no vectors of the model yet is found by its words.
BOTH = """
judged as (
    select passage_id, cosine, coalesce(coverage, 0) as coverage,
        coalesce(
            {codes_found} * coalesce(codes, 0)
                - {codes_missing} * ((select avg(code) from question) - coalesce(codes, 0)),
            0
        ) as codes
    from {found}
),
ranked as (
    select passage_id, cosine, coverage, codes, coalesce(cosine, 0) + {weight} * coverage + codes as score
    from judged
    order by score desc, passage_id
    limit %(limit)s
)
"""
WORDS_ALONE = """
ranked as (
    select passage_id, null::float8 as cosine, coverage, 0::float8 as codes, coverage as score
    from lexical
    where coverage > 0
    order by score desc, passage_id
    limit %(limit)s
)
"""
ROWS = """
select id, content, category, source, metadata, cosine, coverage, codes, score
from ranked join passage on passage.shop_id = {shop} and passage.id = ranked.passage_id
order by score desc, id
"""
OF_CATEGORY = "and passage_id in (select id from passage where shop_id = {shop} and category = %(category)s)"


class Hit(msgspec.Struct, frozen=True):
    """One passage found. `cosine` is None where no model took part: only `coverage` then means anything."""

    id: UUID
    content: str
    category: str | None
    source: str | None
    metadata: dict[str, Any]
    cosine: float | None
    coverage: float
    codes: float
    score: float


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for. Without a model and an embedding (unit length, of its dimension) words alone decide.

    `in_full` is whose words count where `query`, which something was left out of, has none that mean anything.
    """

    query: str
    limit: int
    in_full: str | None = None
    category: str | None = None
    model: ModelRow | None = None
    embedding: HalfVector | None = None


async def search(  # noqa: PLR0913 - a question's parts, by name
    database: Database,
    state: ShopState,
    *,
    query: str,
    limit: int,
    in_full: str | None = None,
    category: str | None = None,
    model: ModelRow | None = None,
    embedding: HalfVector | None = None,
) -> list[Hit]:
    """At most `limit` passages of the shop, the best score first. Raises DatabaseUnavailable."""
    in_full = None if in_full == query else in_full
    question = Question(query=query, limit=limit, in_full=in_full, category=category, model=model, embedding=embedding)
    return await database.read(
        state.shop_id,
        statement(state, question),
        values(state, question),
        row_factory=args_row(Hit),
        keep_plan=keeps_plan(state),
    )


async def search_within(conn: Connection, state: ShopState, question: Question) -> list[Hit]:
    """The same search within a transaction of `Database.shop`, which sees what it wrote itself."""
    cursor = conn.cursor(row_factory=args_row(Hit))
    await cursor.execute(statement(state, question), values(state, question))
    return await cursor.fetchall()


def keeps_plan(state: ShopState) -> bool:
    """Whether a search of the shop is planned once a connection, or each time for the shop as it is."""
    return state.passages <= KEPT_PLAN_PASSAGES


def values(state: ShopState, question: Question) -> dict[str, Any]:
    """The parameters of `statement`."""
    return {
        "shop": state.shop_id,
        "model": question.model.id if question.model else None,
        "embedding": question.embedding,
        "query": question.query,
        "in_full": question.in_full,
        "category": question.category,
        "limit": question.limit,
    }


def statement(state: ShopState, question: Question) -> sql.Composed:
    """The text of the search: one of four, and one more for each shop with an index.

    Few texts, because each is prepared on each connection. A category is searched exactly even in a shop with an
    index: its passages are found by theirs.
    """
    if question.model is None or question.embedding is None:
        return _composed("words", bool(question.category))
    if state.ann and not question.category:
        return _composed_for_index(state.shop_id, question.model.id, question.model.dimensions)
    return _composed("exact", bool(question.category))


@cache
def _composed(kind: str, of_category: bool) -> sql.Composed:  # noqa: FBT001 - the key of the cache
    shop = sql.SQL("%(shop)s")
    text = QUESTION + LEXICAL + (EXACT + DENSE + BOTH if kind == "exact" else WORDS_ALONE) + ROWS
    wanted = sql.SQL(OF_CATEGORY).format(shop=shop) if of_category else sql.SQL("")
    return sql.SQL(text).format(
        shop=shop,
        slips=sql.Literal(kind == "exact"),
        unknown=sql.SQL(f"{UNKNOWN_WEIGHT if kind == 'exact' else 1}::float8"),
        model=sql.SQL("%(model)s"),
        wanted=wanted,
        **WEIGHTS,
        found=sql.SQL("dense full join lexical using (passage_id)"),
    )


@cache
def _composed_for_index(shop_id: int, model_id: int, dimensions: int) -> sql.Composed:
    return sql.SQL(QUESTION + LEXICAL + APPROXIMATE + DENSE + BOTH + ROWS).format(
        shop=sql.Literal(shop_id),
        slips=sql.Literal(True),
        unknown=sql.SQL(f"{UNKNOWN_WEIGHT}::float8"),
        model=sql.Literal(model_id),
        dimensions=sql.Literal(dimensions),
        candidates=sql.Literal(CANDIDATES),
        wanted=sql.SQL(""),
        **WEIGHTS,
        found=sql.SQL("candidate left join dense using (passage_id) left join lexical using (passage_id)"),
    )
