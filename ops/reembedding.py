"""A change of model: every passage embedded anew beside its old vectors, and each shop switched when it has all."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import msgspec
from pgvector import HalfVector

from core.db.ann import build_indexes
from core.db.models import ModelRow, choose_model, used_models
from core.db.pool import Database
from core.db.reembedding import (
    Left,
    Unembedded,
    add_vectors,
    batch_held,
    count_left,
    hold,
    next_batch,
    shops_left,
    switch,
)
from core.errors import EdgeError, ModelAnswerUnusable, Unavailable
from core.knowledge.embedding import embed_passages
from core.knowledge.spaces import space_name
from core.models.gateway import Embedder
from core.models.identity import ModelIdentity
from core.retrieval.lens import ensure_calibrated
from core.retrieval.worth import USABLE_WORTH, is_poor

# While the shop's writers wait: few at a time, so that what was done when their patience ends is kept.
LAST_FEW = 4
HOLD_S = 3.0
TRIES = 10  # in a row, for one batch
TRY_AGAIN_S = 2.0
Result = TypeVar("Result")


class ReembedError(Exception):
    """The change cannot go on; the message says where and why. What was embedded stays."""


class Progress(msgspec.Struct, frozen=True):
    """A step: passages `embedded` now in a shop, or the shop `switched`."""

    shop_id: int
    embedded: int = 0
    switched: bool = False


class Summary(msgspec.Struct, frozen=True, rename="camel"):
    """What a run did, and what is left: of no shop when it went to its end."""

    model: str
    digest: str
    dimensions: int
    url: str
    embedded: int
    switched: list[int]
    left: list[Left]
    seconds: float


Tell = Callable[[Progress], None]


class Change:
    """The move of every shop to the model of `embedder`, whose server stays where it is until settings name it."""

    def __init__(self, database: Database, owner_dsn: str, embedder: Embedder, tell: Tell) -> None:
        self._database = database
        self._owner_dsn = owner_dsn
        self._embedder = embedder
        self._tell = tell
        self._begun_at = time.monotonic()
        self._embedded = 0
        self._switched: list[int] = []
        self._to_switch: set[int] = set()

    async def prepare(self, *, anyway: bool = False) -> ModelRow:
        """The model's row, calibrated before anything is embedded. Raises EdgeError, ValueError when it cannot be.

        Raises ReembedError for a model that tells right from wrong too badly to be of use, unless `anyway`.
        """
        row = await ensure_calibrated(self._database, self._embedder)
        if is_poor(row.worth) and not anyway:
            raise ReembedError(too_poor(row, await used_models(self._database)))
        return row

    async def run(self, row: ModelRow) -> Summary:
        """Move all shops, those too that come into being meanwhile. Raises ReembedError, which says how far it came."""
        before = [model for model in await used_models(self._database) if model.id != row.id]
        await choose_model(self._database, row)
        try:
            while left := await _patiently(lambda: shops_left(self._database, row)):
                self._to_switch = {shop.shop_id for shop in left if not shop.uses}
                for shop in left:
                    await self._move(shop, row)
        except ReembedError as error:
            left_over = len(self._to_switch.difference(self._switched))
            raise ReembedError(f"{error}.\n{how_far(row, before, len(self._switched), left_over)}") from error
        return self.summary(row, [])

    def summary(self, row: ModelRow, left: list[Left]) -> Summary:
        """What was done so far."""
        seconds = round(time.monotonic() - self._begun_at, 1)
        return Summary(
            row.name, row.digest, row.dimensions, row.url or "", self._embedded, self._switched, left, seconds
        )

    async def _move(self, shop: Left, row: ModelRow) -> None:
        """Beside the writers while that gains on them; where they are as fast as this is, between their writes."""
        missing, gaining, done = shop.passages, True, False
        while not done:
            if gaining:
                await self._catch_up(shop.shop_id, row, missing)
            if shop.indexed and not shop.uses:
                await self._build_indexes()
            done, added = await _patiently(partial(self._finish, shop.shop_id, row))
            before, missing = missing, await _patiently(partial(count_left, self._database, shop.shop_id, row))
            gaining = not added or (gaining and missing < before / 2)
        if not shop.uses:
            self._switched.append(shop.shop_id)
            self._tell(Progress(shop.shop_id, switched=True))

    async def _build_indexes(self) -> None:
        # Whoever is at it just now looked before the new vectors were there, and may leave this shop without an index.
        while await asyncio.to_thread(build_indexes, self._owner_dsn) is None:  # noqa: ASYNC110 - the lock has no event
            await asyncio.sleep(TRY_AGAIN_S)

    async def _catch_up(self, shop_id: int, row: ModelRow, missing: int) -> None:
        """Embed as many as were missing when this began; the writers may add others for ever."""
        after = None
        while missing > 0 and (batch := await _patiently(partial(next_batch, self._database, shop_id, row, after))):
            await _patiently(partial(self._store, shop_id, row, batch))
            after, missing = batch[-1].id, missing - len(batch)

    async def _store(self, shop_id: int, row: ModelRow, batch: Sequence[Unembedded]) -> None:
        embedded = await self._embed(shop_id, row, batch)
        async with self._database.shop(shop_id, bulk=True) as conn:
            await hold(conn, row)
            added = await add_vectors(conn, shop_id, row, embedded)
        self._count(shop_id, added)

    async def _finish(self, shop_id: int, row: ModelRow) -> tuple[bool, int]:
        """Embed what came since the last look while no one writes, and switch; False when there was not the time."""
        added = 0
        async with self._database.shop(shop_id, bulk=True) as conn:
            await hold(conn, row)
            until = asyncio.get_running_loop().time() + HOLD_S
            with contextlib.suppress(TimeoutError):
                while few := await batch_held(conn, shop_id, row, LAST_FEW):
                    async with asyncio.timeout_at(until):
                        embedded = await self._embed(shop_id, row, few)
                    added += await add_vectors(conn, shop_id, row, embedded)
            done = await switch(conn, row)
        self._count(shop_id, added)
        return done, added

    async def _embed(
        self, shop_id: int, row: ModelRow, batch: Sequence[Unembedded]
    ) -> list[tuple[Unembedded, list[HalfVector]]]:
        model = await self._embedder.identity()
        if space_name(model) != row.digest:
            raise ReembedError(f"another model stands behind the name {row.name} by now: run the command again")
        try:
            vectors = await embed_passages(self._embedder, model, [passage.content for passage in batch])
        except ModelAnswerUnusable:
            await self._embedder.probe()  # a model that answers nobody is no fault of a passage: it is waited for
            await self._name_the_culprit(shop_id, model, batch)
            raise
        return list(zip(batch, vectors, strict=True))

    async def _name_the_culprit(self, shop_id: int, model: ModelIdentity, batch: Sequence[Unembedded]) -> None:
        for passage in batch:
            try:
                await embed_passages(self._embedder, model, [passage.content])
            except ModelAnswerUnusable as error:
                raise ReembedError(
                    f"shop {shop_id}, passage {passage.id}: {error.detail}; the shop stays with the model that it uses"
                ) from error

    def _count(self, shop_id: int, embedded: int) -> None:
        self._embedded += embedded
        if embedded:
            self._tell(Progress(shop_id, embedded=embedded))


def how_far(row: ModelRow, before: Sequence[ModelRow], switched: int, left: int) -> str:
    """Where a change that failed leaves the shops, and both ways on; `before`: the other models in use at first."""
    names = " and ".join(model.name for model in before) or "words alone"
    back = " or ".join(f"`edge reembed --to {model.url} {model.name}`" for model in before if model.url)
    return (
        f"Switched to {row.name}: {switched} shops; left with {names}: {left}. New shops begin with {row.name}. "
        f"Run the same command again to go on" + (f", or {back} to go back" if back else "")
    )


def too_poor(row: ModelRow, used: Sequence[ModelRow]) -> str:
    """Why no shop is moved to this model, with its figure beside those of the models in use."""
    others = [f"{other.name}, in use, {_figure(other)}" for other in used if other.id != row.id]
    beside = ", ".join([f"{row.name} reaches {_figure(row)}", *others])
    return (
        f"{row.name} finds the answer, and its score says so, less often than a model of any use ({USABLE_WORTH:.2f}):"
        f" {beside}. Nothing was moved; --anyway moves all the same"
    )


def _figure(row: ModelRow) -> str:
    return "what nobody has measured" if row.worth is None else f"{row.worth:.3f}"


async def _patiently(work: Callable[[], Awaitable[Result]]) -> Result:
    """What may pass is tried again: a database or a model server that restarts must not end hours of work."""
    said: list[str] = []
    for tries_left in range(TRIES - 1, -1, -1):
        try:
            return await work()
        except Unavailable as error:
            said.append(error.detail)
            if not tries_left:  # after some failures the circuit opens, and says only that it is
                raise ReembedError("; then: ".join(dict.fromkeys(said))) from error
            await asyncio.sleep(TRY_AGAIN_S)
        except EdgeError as error:
            raise ReembedError(error.detail) from error
    raise AssertionError("the loop returns or raises")
