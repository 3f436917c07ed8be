"""What a model's scores are worth: measured on invented shops whose questions have a known answer, or none."""

from contextlib import suppress
from importlib import resources

import msgspec
from pgvector import HalfVector
from uuid_utils.compat import uuid7

from core.db.models import ModelRow
from core.db.passages import Passage, insert_passages
from core.db.pool import Database
from core.db.search import Question, search_within
from core.db.shops import ShopReader, ShopState
from core.errors import ModelUnavailable
from core.knowledge.chunk import pieces
from core.models.gateway import Embedder
from core.models.identity import ModelIdentity
from core.models.text import normalise
from core.retrieval.platt import fit
from core.retrieval.worth import Measured, worth_of

LAST_SHOP_ID = 2**31 - 1


class ExamPassage(msgspec.Struct, frozen=True):
    """A passage of an invented shop."""

    id: str
    text: str


class ExamQuestion(msgspec.Struct, frozen=True):
    """A question and the id of the passage that answers it; None where the shop does not know."""

    text: str
    passage: str | None


class Exam(msgspec.Struct, frozen=True):
    """An invented shop: core/retrieval/calibration/*.json."""

    name: str
    passages: list[ExamPassage]
    questions: list[ExamQuestion]


class Embeddings(msgspec.Struct, frozen=True):
    """Of each passage of an exam its vectors, of each question its one."""

    passages: list[list[HalfVector]]
    questions: list[HalfVector | None]


class _Discard(Exception):  # noqa: N818 - no error: how a transaction is left without a trace
    pass


def exams() -> list[Exam]:
    """The invented shops, in the order of their files' names."""
    files = (entry for entry in resources.files("core.retrieval").joinpath("calibration").iterdir())
    texts = {entry.name: entry.read_bytes() for entry in files if entry.name.endswith(".json")}
    return [msgspec.json.decode(texts[name], type=Exam) for name in sorted(texts)]


def answerable() -> int:
    """How many questions of the invented shops have an answer."""
    return sum(question.passage is not None for exam in exams() for question in exam.questions)


async def calibrate(database: Database, embedder: Embedder, model: ModelIdentity, row: ModelRow) -> Measured:
    """Measure the model in use: some hundred embeddings, seconds of it. Nothing is stored.

    Raises ModelUnavailable, ModelOverloaded, DatabaseUnavailable, and ValueError when the scores of this model do
    not tell answers from the rest.
    """
    marks = [mark for of_exam in (await marked(database, embedder, model, row)).values() for mark in of_exam]
    return Measured(fit(marks), worth_of(marks, answerable()))


async def marked(
    database: Database, embedder: Embedder, model: ModelIdentity, row: ModelRow
) -> dict[str, list[tuple[float, bool]]]:
    """What `examine` finds for every invented shop, by its name. Raises as `calibrate` does, but no ValueError."""
    return {exam.name: await examine(database, exam, row, await _embed(embedder, model, exam)) for exam in exams()}


async def examine(
    database: Database, exam: Exam, row: ModelRow | None = None, embedded: Embeddings | None = None
) -> list[tuple[float, bool]]:
    """Of each question the score of the best passage by the real statement, and whether that passage answers it.

    Without a model words alone are compared. The shop exists in a transaction that is rolled back: nobody sees it.
    """
    embedded = embedded or Embeddings([[] for _ in exam.passages], [None for _ in exam.questions])
    keys = {passage.id: uuid7() for passage in exam.passages}
    passages = [Passage(keys[passage.id], passage.text) for passage in exam.passages]
    state = await _unused_shop(database)
    marks: list[tuple[float, bool]] = []
    with suppress(_Discard):
        async with database.shop(state.shop_id) as conn:
            items = list(zip(passages, embedded.passages, strict=True))
            await insert_passages(conn, state.shop_id, row.digest if row else "", items)
            for question, vector in zip(exam.questions, embedded.questions, strict=True):
                asked = Question(query=normalise(question.text), limit=1, model=row, embedding=vector)
                hits = await search_within(conn, state, asked)
                marks += [(best.score, best.id == keys.get(question.passage or "")) for best in hits]
            raise _Discard
    return marks


async def _embed(embedder: Embedder, model: ModelIdentity, exam: Exam) -> Embeddings:
    # Before the transaction: it must not stay open while a model works.
    texts = [pieces(passage.text) for passage in exam.passages]
    vectors = iter(await embedder.embed_documents([text for group in texts for text in group], model))
    questions: list[HalfVector | None] = []
    for question in exam.questions:
        embedded = await embedder.embed_query(question.text)
        if embedded.model.digest != model.digest:
            raise ModelUnavailable("the embedding model was replaced while it was calibrated")
        questions.append(embedded.vector)
    return Embeddings([[next(vectors) for _ in group] for group in texts], questions)


async def _unused_shop(database: Database) -> ShopState:
    reader = ShopReader(database)
    for shop_id in range(LAST_SHOP_ID, 0, -1):
        if not (await reader.read(shop_id)).exists:
            return ShopState(shop_id)
    raise AssertionError("every shop id is taken")
