"""The table of embedding models: each by the digest of its content, with the calibration of its scores."""

import msgspec
from psycopg.rows import args_row

from core.db.pool import Database

COLUMNS = "id, digest, name, dimensions, query_prefix, document_prefix, midpoint, scale"
READ = f"select {COLUMNS} from model where digest = %s"  # noqa: S608 - constants of this module
REGISTER = "select register_model(%s, %s, %s, %s, %s)"
IS_CALIBRATED = "select exists (select from model where name = %s and midpoint is not null)"
CALIBRATE = "select calibrate_model(%s, %s::real, %s::real)"


class ModelRow(msgspec.Struct, frozen=True):
    """One model; `midpoint` and `scale` turn a score into a probability and are None until it is calibrated."""

    id: int
    digest: str
    name: str
    dimensions: int
    query_prefix: str
    document_prefix: str
    midpoint: float | None = None
    scale: float | None = None


async def read_model(database: Database, digest: str) -> ModelRow | None:
    """The model of this digest, or None. Raises DatabaseUnavailable."""
    rows = await database.read(None, READ, [digest], row_factory=args_row(ModelRow))
    return rows[0] if rows else None


async def is_calibrated(database: Database, name: str) -> bool:
    """Whether some model of this name was in use here before. Raises DatabaseUnavailable."""
    [(found,)] = await database.read(None, IS_CALIBRATED, [name])
    return bool(found)


async def register_model(  # noqa: PLR0913 - the columns of a row
    database: Database, *, digest: str, name: str, dimensions: int, query_prefix: str = "", document_prefix: str = ""
) -> ModelRow:
    """The row of this digest, made when it is new; what stands there is never changed. Raises DatabaseUnavailable."""
    if (known := await read_model(database, digest)) is not None:
        return known
    await database.read(None, REGISTER, [digest, name, dimensions, query_prefix, document_prefix])
    row = await read_model(database, digest)
    assert row is not None
    return row


async def calibrate_model(database: Database, digest: str, midpoint: float, scale: float) -> bool:
    """Store the calibration of a model; False when there is no such model. Raises DatabaseUnavailable."""
    [(found,)] = await database.read(None, CALIBRATE, [digest, midpoint, scale])
    return bool(found)
