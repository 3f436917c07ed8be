"""`edge calibrate`: what the model's scores are worth, measured again, stored, and set beside what held before."""

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from core.db.models import ModelRow
from core.db.pool import Database
from core.knowledge.spaces import Spaces
from core.models.gateway import Embedder
from core.retrieval.calibrate import answerable, marked
from core.retrieval.lens import PROVISIONAL, SHIPPED, store
from core.retrieval.platt import fit
from core.retrieval.similarity import DEFAULT_THRESHOLD, Calibration, similarity
from core.retrieval.worth import worth_of
from core.settings import Settings
from ops.evaluation.measures import auroc
from ops.evaluation.pace import patiently, say_waiting
from ops.stack.borrowed import lane_settings

EMBED_DEADLINE_S = 120.0
Mark = tuple[float, bool]


class Fitness(msgspec.Struct, frozen=True, rename="camel"):
    """How well probabilities foretell what was right: less is better of the first two (cross-entropy, Brier 1950).

    `right` is the share of questions rightly answered or rightly left alone at the default threshold.
    """

    log_loss: float
    brier: float
    right: float


class Report(msgspec.Struct, frozen=True, rename="camel"):
    """A calibration beside the one before it (`origin`: stored, shipped or borrowed), on the same questions.

    `held_out` judges each invented shop by a fit to the others: what to expect of a shop that was not measured.
    """

    model: str
    digest: str
    questions: int
    answered: int
    auroc: float
    worth: float
    origin: str
    before: Calibration
    before_fitness: Fitness
    after: Calibration
    after_fitness: Fitness
    held_out: Fitness
    stored: bool


async def recalibrate(settings: Settings, *, keep: bool) -> tuple[Report, list[Mark]]:
    """Measure the model in use and, with `keep`, store what came out; also every score and whether it was right.

    Raises ModelUnavailable, ModelOverloaded, DatabaseUnavailable, and ValueError for a model that cannot be calibrated.
    """
    settings = msgspec.structs.replace(settings, embed_deadline_s=EMBED_DEADLINE_S)
    database = await Database.open(settings)
    try:
        embedder = await Embedder.open(lane_settings(settings, settings.home / "eval"), None)
        try:
            return await _measured(database, embedder, keep=keep)
        finally:
            await embedder.close()
    finally:
        await database.close()


async def _measured(database: Database, embedder: Embedder, *, keep: bool) -> tuple[Report, list[Mark]]:
    model = await patiently(embedder.identity, tell=say_waiting)
    row = await Spaces(database).of(model)
    by_shop = await patiently(lambda: marked(database, embedder, model, row))
    report = judged(row, by_shop, answerable())
    if keep:
        await store(database, row, report.after, report.worth)
    return msgspec.structs.replace(report, stored=keep), [mark for marks in by_shop.values() for mark in marks]


def judged(row: ModelRow, by_shop: Mapping[str, Sequence[Mark]], answerable: int) -> Report:
    """The fit to all shops beside the row's own calibration. Raises ValueError as `core.retrieval.platt.fit` does."""
    marks = [mark for shop in by_shop.values() for mark in shop]
    origin, before = _before(row)
    after = fit(marks)
    return Report(
        model=row.name,
        digest=row.digest,
        questions=len(marks),
        answered=sum(right for _, right in marks),
        auroc=auroc(*(np.array([score for score, right in marks if right is kind]) for kind in (True, False))),
        worth=worth_of(marks, answerable),
        origin=origin,
        before=before,
        before_fitness=_fitness(_chances(marks, before)),
        after=after,
        after_fitness=_fitness(_chances(marks, after)),
        held_out=_fitness(_held_out(by_shop)),
        stored=False,
    )


def _before(row: ModelRow) -> tuple[str, Calibration]:
    if row.midpoint is not None and row.scale is not None:
        return "stored", Calibration(row.midpoint, row.scale)
    if (shipped := SHIPPED.get(row.digest)) is not None:
        return "shipped", shipped.calibration
    return "borrowed", PROVISIONAL


def _held_out(by_shop: Mapping[str, Sequence[Mark]]) -> list[Mark]:
    chances: list[Mark] = []
    for name, marks in by_shop.items():
        others = [mark for other, shop in by_shop.items() if other != name for mark in shop]
        chances += _chances(marks, fit(others))
    return chances


def _chances(marks: Sequence[Mark], calibration: Calibration) -> list[Mark]:
    return [(similarity(score, calibration), right) for score, right in marks]


def _fitness(chances: Sequence[Mark]) -> Fitness:
    count = len(chances)
    losses = (-math.log(max(chance if right else 1 - chance, 1e-4)) for chance, right in chances)
    squares = ((chance - right) ** 2 for chance, right in chances)
    rightly = sum((chance >= DEFAULT_THRESHOLD) is right for chance, right in chances)
    return Fitness(math.fsum(losses) / count, math.fsum(squares) / count, rightly / count)
