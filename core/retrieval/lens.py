"""A model as a search uses it: its vectors' space in the database, and what its scores are worth."""

import asyncio
import logging
import time
from contextvars import Context

import msgspec

from core.db.models import ModelRow, calibrate_model, read_model
from core.db.pool import Database
from core.errors import Unavailable
from core.flight import Flight
from core.knowledge.spaces import Spaces
from core.models.gateway import Embedder
from core.models.identity import ModelIdentity
from core.retrieval.calibrate import calibrate
from core.retrieval.similarity import Calibration
from core.retrieval.worth import Measured

TRY_AGAIN_S = 30.0
REFRESH_S = 30.0
# The embedded model's, by the name of its space (core.knowledge.spaces), so that a first start need not measure what
# never changes; tests/integration/test_calibrate.py measures it again.
SHIPPED = {
    "0e471133b3e7df9ed34a90ccac535ccb5de9774bdd4cb494f3ff08324844ea51+8636ca51eb7abd78": Measured(
        Calibration(0.5199, 0.1033), 0.666
    ),
}
# Until an unknown model is measured: no better guess than a model of the same kind.
PROVISIONAL = next(iter(SHIPPED.values())).calibration

_log = logging.getLogger(__name__)


class Lens(msgspec.Struct, frozen=True):
    """One model's row and calibration; `name` changes when either does."""

    row: ModelRow
    calibration: Calibration
    name: str


class Lenses:
    """The lens of each model in use. A model that nobody has measured yet is measured in the background.

    Each is read again every `refresh_s` while it is used: `edge calibrate` may have stored another calibration.
    """

    def __init__(
        self, database: Database, embedder: Embedder, try_again_s: float = TRY_AGAIN_S, refresh_s: float = REFRESH_S
    ) -> None:
        self._try_again_s = try_again_s
        self._refresh_s = refresh_s
        self._refreshed_at: dict[ModelIdentity, float] = {}
        self._refreshing: set[asyncio.Task[None]] = set()
        self._database = database
        self._embedder = embedder
        self._spaces = Spaces(database)
        self._known: dict[ModelIdentity, Lens] = {}
        self._flight: Flight[Lens] = Flight()
        self._measuring: dict[ModelIdentity, asyncio.Task[None]] = {}

    async def of(self, model: ModelIdentity, embedder: Embedder | None = None) -> Lens:
        """The lens to search with now, provisional until the model is calibrated. Raises DatabaseUnavailable.

        `embedder` is the one that has the model, where it is not the configured one.
        """
        if (lens := self._known.get(model)) is not None:
            self._refresh_when_due(model, lens)
            return lens
        return await self._flight.do(model, lambda: self._look(model, embedder or self._embedder))

    async def _look(self, model: ModelIdentity, embedder: Embedder) -> Lens:
        row = await self._spaces.of(model, embedder.url)
        if row.midpoint is None and (shipped := SHIPPED.get(row.digest)) is not None:
            row = await store(self._database, row, shipped.calibration, shipped.worth)
        if row.midpoint is None:
            if model not in self._measuring:
                self._measuring[model] = asyncio.create_task(self._measure(embedder, model, row))
            return _lens(row)
        self._known[model] = _lens(row)
        return self._known[model]

    async def close(self) -> None:
        """End the measurements under way."""
        tasks = [*self._measuring.values(), *self._refreshing]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _refresh_when_due(self, model: ModelIdentity, lens: Lens) -> None:
        now = time.monotonic()
        if now - self._refreshed_at.setdefault(model, now) < self._refresh_s:
            return
        self._refreshed_at[model] = now
        # In a context of its own: its time is not the request's that happened to come now.
        task = asyncio.create_task(self._refresh(model, lens), context=Context())
        self._refreshing.add(task)
        task.add_done_callback(self._refreshing.discard)

    async def _refresh(self, model: ModelIdentity, lens: Lens) -> None:
        try:
            row = await read_model(self._database, lens.row.digest)
        except Unavailable:
            return  # what is known holds on
        if row is not None and row.midpoint is not None:
            self._known[model] = _lens(row)

    async def _measure(self, embedder: Embedder, model: ModelIdentity, row: ModelRow) -> None:
        while True:
            try:
                self._known[model] = _lens(await calibrated(self._database, embedder, model, row))
                del self._measuring[model]
                return  # noqa: TRY300 - the way out of the loop
            except ValueError as error:
                # It stays with the provisional one, results in order, their similarity a guess, until a calibration is
                # stored (edge calibrate). Never measured again: each search would start it anew.
                _log.warning("the model %s cannot be calibrated: %s", model.name, error)
                self._known[model] = _lens(row)
                return
            except Unavailable:
                pass
            except Exception:  # noqa: BLE001 - logged, and tried again
                # Nobody waits for this task: what is not said here is never heard of.
                _log.exception("the calibration of the model %s failed", model.name)
            await asyncio.sleep(self._try_again_s)


async def ensure_calibrated(database: Database, embedder: Embedder) -> ModelRow:
    """Calibrate the model in use unless it is: seconds of embedding for one that nobody has measured.

    One whose calibration is stored without its worth keeps the calibration. Raises ModelUnavailable, ModelOverloaded,
    DatabaseUnavailable, and ValueError for a model that cannot be calibrated.
    """
    model = await embedder.identity()
    row = await Spaces(database).of(model, embedder.url)
    return await calibrated(database, embedder, model, row)


async def calibrated(database: Database, embedder: Embedder, model: ModelIdentity, row: ModelRow) -> ModelRow:
    """The row with a calibration and worth: what is stored by now, shipped, or else measured here and stored."""
    current = await read_model(database, row.digest) or row
    if current.midpoint is not None and current.worth is not None:
        return current
    measured = SHIPPED.get(row.digest) or await calibrate(database, embedder, model, row)
    return await store(database, row, _calibration(current) or measured.calibration, measured.worth)


async def store(database: Database, row: ModelRow, calibration: Calibration, worth: float) -> ModelRow:
    """Store a calibration and read the row as every process will."""
    await calibrate_model(database, row.digest, calibration.midpoint, calibration.scale, worth)
    stored = await read_model(database, row.digest)
    assert stored is not None
    return stored


def _calibration(row: ModelRow) -> Calibration | None:
    return None if row.midpoint is None or row.scale is None else Calibration(row.midpoint, row.scale)


def _lens(row: ModelRow) -> Lens:
    calibration = _calibration(row) or PROVISIONAL
    return Lens(row, calibration, f"{row.digest} {calibration.midpoint!r} {calibration.scale!r}")
