"""A change of model as an operator makes it: in this process, and as the command."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg

from core.db.models import ModelRow
from core.knowledge.spaces import Spaces
from core.retrieval.lens import store
from core.retrieval.similarity import Calibration
from ops.reembedding import Change, Progress, Summary
from tests.parts.searching import parts, settings_of

ROOT = Path(__file__).parents[2]
VECTORS = """
select content, split_part(digest, '+', 1)
from passage
left join passage_vector on passage_vector.shop_id = passage.shop_id and passage_id = passage.id
left join model on model.id = model_id
where passage.shop_id = %s
"""


async def known(database, server, worth: float = 0.6) -> ModelRow:
    """The row of a server's model, calibrated: what makes vectors of no meaning cannot be measured."""
    async with parts(settings_of(database, server)) as (db, embedder, _):
        row = await Spaces(db).of(await embedder.identity(), server.url)
        return await store(db, row, Calibration(0.5, 0.2), worth)


async def move(
    database,
    server,
    tell: Callable[[Progress], None] = lambda _: None,
    prepared: Callable[[], None] = lambda: None,
    *,
    anyway: bool = False,
) -> Summary:
    """Move every shop to the model of a server; `prepared` is called before the first passage is embedded."""
    async with parts(settings_of(database, server, embed_deadline_s=20.0)) as (db, embedder, _):
        change = Change(db, database.owner_dsn, embedder, tell)
        row = await change.prepare(anyway=anyway)
        prepared()
        return await change.run(row)


async def command(database, server, *arguments: str) -> asyncio.subprocess.Process:
    """`edge reembed` to the model of a server, its output piped."""
    settings = settings_of(database, server)
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "ops.cli", "reembed", "--to", server.url, "all-minilm", *arguments),
        cwd=ROOT,
        env={**os.environ, **settings.to_environ(), "EDGE_OLLAMA_URL": "unix:/nowhere/model.sock"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def vectors_of(database, shop_id: int) -> dict[str, set[str]]:
    """Of each passage's content, the digests of the models that it has vectors of, without what is done to texts."""
    with psycopg.connect(database.superuser_dsn) as conn:
        rows = conn.execute(VECTORS, [shop_id]).fetchall()
    found: dict[str, set[str]] = {}
    for content, digest in rows:
        found.setdefault(content, set()).update({digest} if digest else ())
    return found
