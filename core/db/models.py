"""The table of embedding models: each by the digest of its content, with the calibration of its scores."""

import msgspec
from psycopg.rows import args_row

from core.db.pool import Database

COLUMNS = "id, digest, name, dimensions, query_prefix, document_prefix, midpoint, scale, url, worth"
READ = f"select {COLUMNS} from model where digest = %s"  # noqa: S608 - constants of this module
IS_CALIBRATED = "select exists (select from model where name = %s and midpoint is not null)"
CHOSEN = f"select {COLUMNS} from model where chosen_at is not null order by chosen_at desc limit 1"  # noqa: S608
USED = f"select {COLUMNS} from model where id in (select model_id from shop) order by id"  # noqa: S608
REGISTER = "select register_model(%s, %s, %s, %s, %s, %s)"
CHOOSE = "select choose_model(%s)"
CALIBRATE = "select calibrate_model(%s, %s::real, %s::real, %s::real)"


class ModelRow(msgspec.Struct, frozen=True):
    """One model; `midpoint` and `scale` turn a score into a probability and are None until it is calibrated.

    `url` is the model server where it was last seen, as EDGE_OLLAMA_URL names one. `worth` is what its calibration
    found (core.retrieval.worth); None where that was not kept.
    """

    id: int
    digest: str
    name: str
    dimensions: int
    query_prefix: str
    document_prefix: str
    midpoint: float | None = None
    scale: float | None = None
    url: str | None = None
    worth: float | None = None


async def read_model(database: Database, digest: str) -> ModelRow | None:
    """The model of this digest, or None. Raises DatabaseUnavailable."""
    rows = await database.read(None, READ, [digest], row_factory=args_row(ModelRow))
    return rows[0] if rows else None


async def is_calibrated(database: Database, name: str) -> bool:
    """Whether some model of this name was in use here before. Raises DatabaseUnavailable."""
    [(found,)] = await database.read(None, IS_CALIBRATED, [name])
    return bool(found)


async def register_model(  # noqa: PLR0913 - the columns of a row
    database: Database,
    *,
    digest: str,
    name: str,
    dimensions: int,
    query_prefix: str = "",
    document_prefix: str = "",
    url: str | None = None,
) -> ModelRow:
    """The row of this digest, made when it is new; later only its place (`url` and `name`) is noted anew.

    Raises DatabaseUnavailable.
    """
    known = await read_model(database, digest)
    if known is not None and (url is None or (known.url, known.name) == (url, name)):
        return known
    await database.read(None, REGISTER, [digest, name, dimensions, query_prefix, document_prefix, url])
    row = await read_model(database, digest)
    assert row is not None
    return row


async def used_models(database: Database) -> list[ModelRow]:
    """The models that searches of any shop use. Raises DatabaseUnavailable."""
    return await database.read(None, USED, row_factory=args_row(ModelRow))


async def chosen_model(database: Database) -> ModelRow | None:
    """The model that new shops begin with; None while nobody has chosen one. Raises DatabaseUnavailable."""
    rows = await database.read(None, CHOSEN, row_factory=args_row(ModelRow))
    return rows[0] if rows else None


async def choose_model(database: Database, row: ModelRow) -> None:
    """Let new shops begin with this model. Raises DatabaseUnavailable."""
    await database.read(None, CHOOSE, [row.id])


async def calibrate_model(
    database: Database, digest: str, midpoint: float, scale: float, worth: float | None = None
) -> bool:
    """Store the calibration of a model; False when there is no such model. Raises DatabaseUnavailable."""
    [(found,)] = await database.read(None, CALIBRATE, [digest, midpoint, scale, worth])
    return bool(found)
