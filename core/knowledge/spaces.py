"""The vector space of a model as the database knows it: vectors of two spaces are never compared."""

from hashlib import blake2b

from core.db.models import ModelRow, register_model
from core.db.pool import Database
from core.errors import ModelUnavailable
from core.models.identity import ModelIdentity

MOST_REMEMBERED = 16


class Spaces:
    """The row of each model that is in use, made when it is new and remembered for the life of the process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, ModelRow] = {}

    async def of(self, model: ModelIdentity, url: str | None = None) -> ModelRow:
        """The row of this model with these prefixes, as first read; `url` is noted as its place.

        Raises DatabaseUnavailable, and ModelUnavailable for a server that is lying: one digest has one length.
        """
        name = space_name(model)
        if (row := self._known.get(name)) is None:
            row = await register_model(
                self._database,
                digest=name,
                name=model.name,
                dimensions=model.dimensions,
                query_prefix=model.query_prefix,
                document_prefix=model.document_prefix,
                # No password is kept in the database: such a server is found only where it is configured.
                url=None if url is None or "@" in url else url,
            )
            self.remember(row)
        if row.dimensions != model.dimensions:
            raise ModelUnavailable("the model server answers with vectors of another length than its model has")
        return row

    def remember(self, row: ModelRow) -> None:
        """Hold a newer state of a row."""
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[row.digest] = row


def space_name(model: ModelIdentity) -> str:
    """The model's digest; and what is done to its texts: the same weights under other prefixes are another space."""
    treatment = f"{model.query_prefix}\0{model.document_prefix}" + ("\0uncased" if model.uncased else "")
    if treatment == "\0":
        return model.digest
    return f"{model.digest}+{blake2b(treatment.encode(), digest_size=8).hexdigest()}"
