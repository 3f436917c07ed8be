"""What `edge up` does to the database between its start and the functions': migrate, calibrate, load the demo."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from core.db.dsn import application_conninfo, owner_conninfo
from core.db.migrate import MigrationError, migrate
from core.db.models import ModelRow, is_calibrated
from core.db.names import set_names
from core.db.pool import Database
from core.db.requirements import application_requirements, requirements
from core.db.shops import ShopReader
from core.errors import EdgeError, ModelUnavailable
from core.facts.book import Change, FactBook
from core.facts.types import Facts
from core.knowledge.document import NewPassage
from core.knowledge.learner import Learner
from core.knowledge.once import Reply
from core.models.gateway import Embedder
from core.retrieval.lens import ensure_calibrated
from core.retrieval.worth import USABLE_WORTH, is_poor
from core.settings import Settings
from ops.stack.instance import InstanceError

DEMO = Path(__file__).parents[1] / "demo" / "barbershop.jsonl"
DEMO_FACTS = DEMO.with_name("barbershop-facts.json")
DEMO_SHOP = 1
DEMO_NAME = "The Copper Comb"


class DemoLine(msgspec.Struct, frozen=True):
    """A passage of the demo shop as its file has it."""

    text: str
    category: str
    source: str
    metadata: dict[str, Any]


def bring_up_to_date(settings: Settings) -> str | None:
    """Check what the database must offer and apply new migrations; raises InstanceError with what is missing."""
    assert settings.database_url is not None
    _refuse(requirements(settings.database_url))
    try:
        applied = migrate(settings.database_url)
    except MigrationError as error:
        raise InstanceError(str(error)) from error
    _refuse(application_requirements(application_conninfo(settings)))
    return f"applied {', '.join(applied)}" if applied else None


def calibrate(settings: Settings) -> str:
    """See that the model answers and that its scores have a meaning; raises InstanceError when it does not.

    A model that was in use here before may be away: a machine that starts without its Ollama still answers by words.
    """

    async def run() -> str:
        async with opened_parts(settings) as (database, embedder):
            try:
                row = await ensure_calibrated(database, embedder)
            except ModelUnavailable as error:
                if not await is_calibrated(database, settings.embed_model):
                    raise
                return f"{settings.embed_model}: {error}; until it is back, searches compare words alone"
            return f"{row.name}, {row.dimensions} dimensions{_warning(row)}"

    try:
        return asyncio.run(run())
    except (EdgeError, ValueError) as error:
        raise InstanceError(f"the embedding model {settings.embed_model}: {error}") from error


def _warning(row: ModelRow) -> str:
    if not is_poor(row.worth):
        return ""
    return f"; WARNING: it finds badly, {row.worth:.3f} where a model of any use reaches {USABLE_WORTH:.2f}"


def load_demo(settings: Settings) -> str | None:
    """Load the demo shop as shop 1 unless there is a shop 1; returns what was loaded."""

    async def run() -> str | None:
        async with opened_parts(settings) as (database, embedder):
            if (await ShopReader(database).read(DEMO_SHOP)).exists:
                return None
            lines = [msgspec.json.decode(line, type=DemoLine) for line in DEMO.read_bytes().splitlines()]
            items = [NewPassage(line.text, line.category, line.source, line.metadata) for line in lines]
            await Learner(database, embedder).learn(DEMO_SHOP, items, lambda _: Reply(b""))
            facts = msgspec.json.decode(DEMO_FACTS.read_bytes(), type=Facts)
            await FactBook(database).put(DEMO_SHOP, facts, lambda _: Reply(b""), Change())
            assert settings.database_url is not None
            with psycopg.connect(owner_conninfo(settings.database_url)) as owner:
                set_names(owner, DEMO_SHOP, [DEMO_NAME])
            return f"{len(items)} passages and the facts of a barbershop, shop {DEMO_SHOP}"

    return asyncio.run(run())


@asynccontextmanager
async def opened_parts(settings: Settings) -> AsyncIterator[tuple[Database, Embedder]]:
    """Database and model for a command, without a cache: thousands of passages would push visitors' questions out."""
    database = await Database.open(settings)
    try:
        embedder = await Embedder.open(settings, None)
        try:
            yield database, embedder
        finally:
            await embedder.close()
    finally:
        await database.close()


def _refuse(missing: list[str]) -> None:
    if missing:
        raise InstanceError("the database cannot be used:\n  - " + "\n  - ".join(missing))
