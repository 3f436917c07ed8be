"""Calibration: measured by the real statement with the real model, seen by nobody, stored once."""

import asyncio
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import QueueHandler
from queue import SimpleQueue

import msgspec
import psycopg
import pytest

from core.db.models import read_model
from core.knowledge.learner import Learner
from core.knowledge.spaces import Spaces, space_name
from core.models.identity import ModelIdentity
from core.retrieval import lens as lens_module
from core.retrieval.calibrate import calibrate, examine, exams
from core.retrieval.lens import PROVISIONAL, SHIPPED, Lenses, ensure_calibrated
from core.retrieval.platt import fit
from core.retrieval.similarity import LEXICAL, similarity
from tests.parts.faulty_models import faulty_models
from tests.parts.searching import PRICES, learn, parts, settings_of


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory):
    """One cache of vectors for the tests that embed every exam."""
    return tmp_path_factory.mktemp("vectors")


async def test_the_shipped_calibration_is_what_the_embedded_model_measures(database, model_server, shared_home):
    settings = settings_of(database, model_server, embed_deadline_s=60.0, home=shared_home)
    async with parts(settings) as (db, embedder, _):
        model = await embedder.identity()
        measured = await calibrate(db, embedder, model, await Spaces(db).of(model))
    shipped = SHIPPED[space_name(model)]
    assert shipped.calibration.midpoint == pytest.approx(measured.calibration.midpoint, abs=0.005)
    assert shipped.calibration.scale == pytest.approx(measured.calibration.scale, abs=0.005)
    assert shipped.worth == pytest.approx(measured.worth, abs=0.005)
    with psycopg.connect(database.superuser_dsn) as conn:
        for table in ("shop", "passage", "passage_vector", "posting", "term"):
            assert conn.execute(f"select count(*) from {table}").fetchone() == (0,)


async def test_the_calibration_of_words_alone_is_what_the_exams_measure(database, model_server):
    async with parts(settings_of(database, model_server)) as (db, _, _):
        measured = fit([mark for exam in exams() for mark in await examine(db, exam)])
    assert measured.midpoint == pytest.approx(LEXICAL.midpoint, abs=0.005)
    assert measured.scale == pytest.approx(LEXICAL.scale, abs=0.005)


async def test_the_first_use_of_the_embedded_model_stores_its_calibration(database, model_server):
    async with parts(settings_of(database, model_server)) as (db, embedder, _):
        model = await embedder.identity()
        row = await ensure_calibrated(db, embedder)
        shipped = SHIPPED[space_name(model)]
        assert (row.midpoint, row.worth) == pytest.approx((shipped.calibration.midpoint, shipped.worth))
        assert await ensure_calibrated(db, embedder) == row == await read_model(db, space_name(model))
        assert (await Lenses(db, embedder).of(model)).row == row


async def test_what_is_stored_wins_over_what_is_shipped(database, model_server):
    async with parts(settings_of(database, model_server)) as (db, embedder, _):
        model = await embedder.identity()
        await Spaces(db).of(model)
        with psycopg.connect(database.owner_dsn, autocommit=True) as conn:
            conn.execute("update model set midpoint = 0.4, scale = 0.2, calibrated_at = now()")
        lens = await Lenses(db, embedder).of(model)
    assert (lens.calibration.midpoint, lens.calibration.scale) == pytest.approx((0.4, 0.2))


async def test_another_calibration_is_taken_up_while_the_process_runs(database, model_server):
    async with parts(settings_of(database, model_server)) as (db, embedder, _):
        model = await embedder.identity()
        lenses = Lenses(db, embedder, refresh_s=0.0)
        before = await lenses.of(model)
        with psycopg.connect(database.owner_dsn, autocommit=True) as conn:
            conn.execute("update model set midpoint = 0.45, scale = 0.25, calibrated_at = now()")
        while (after := await lenses.of(model)) == before:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.01)
        await lenses.close()
    assert after.name != before.name
    assert (after.calibration.midpoint, after.calibration.scale) == pytest.approx((0.45, 0.25))


async def test_a_lens_holds_while_the_database_is_away(database, model_server):
    async with parts(settings_of(database, model_server)) as (db, embedder, _):
        lenses = Lenses(db, embedder, refresh_s=0.0)
        model = await embedder.identity()
        before = await lenses.of(model)
        await db.close()
        assert before == await lenses.of(model)
        while lenses._refreshing:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
        assert before == await lenses.of(model)
        await lenses.close()


async def test_an_unknown_model_is_used_at_once_and_measured_meanwhile(database, model_server, shared_home):
    """The same weights behind another prefix are a model that nobody knows."""
    prefixed = {"embed_query_prefix": "question: ", "embed_deadline_s": 60.0, "home": shared_home}
    async with parts(settings_of(database, model_server, **prefixed)) as (db, embedder, _):
        model = await embedder.identity()
        lenses = Lenses(db, embedder)
        try:
            lens = await lenses.of(model)
            assert (lens.calibration, lens.row.midpoint) == (PROVISIONAL, None)
            while (lens := await lenses.of(model)).row.midpoint is None:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.05)
        finally:
            await lenses.close()
        assert lens.calibration != PROVISIONAL
        assert lens.calibration.midpoint == pytest.approx(PROVISIONAL.midpoint, abs=0.2)
        assert await ensure_calibrated(db, embedder) == lens.row


@contextmanager
def heard(logger: str, said: SimpleQueue) -> Iterator[None]:
    """Put the records of one logger into a queue while the block runs."""
    handler = QueueHandler(said)
    handler.prepare = lambda record: record  # as it is, with its exception
    logging.getLogger(logger).addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger(logger).removeHandler(handler)


async def test_a_measurement_that_fails_is_told_of_and_made_again(database, model_server, shared_home):
    prefixed = {"embed_query_prefix": "question: ", "embed_deadline_s": 60.0, "home": shared_home}
    async with parts(settings_of(database, model_server, **prefixed)) as (db, embedder, _):
        model = await embedder.identity()
        lenses = Lenses(db, embedder, try_again_s=0.1)
        said = SimpleQueue()
        with psycopg.connect(database.owner_dsn, autocommit=True) as owner, heard("core.retrieval.lens", said):
            owner.execute("revoke execute on function calibrate_model(text, real, real, real) from edge_app")
            try:
                await lenses.of(model)
                record = await asyncio.to_thread(said.get)
                owner.execute("grant execute on function calibrate_model(text, real, real, real) to edge_app")
                while (await lenses.of(model)).row.midpoint is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            finally:
                await lenses.close()
        assert "permission denied" in str(record.exc_info[1])
        assert not lenses._measuring


async def test_a_model_that_cannot_be_measured_takes_up_a_calibration_that_is_stored(database, monkeypatch):
    async def refuse(*_):
        # Words alone give every model some order; a model that is worse than none is not at hand.
        raise ValueError("a higher score does not mean more answers under this model")

    monkeypatch.setattr(lens_module, "calibrate", refuse)
    async with faulty_models() as server, parts(settings_of(database, server)) as (db, embedder, _):
        model = await embedder.identity()
        lenses = Lenses(db, embedder, refresh_s=0.0)
        said = SimpleQueue()
        with heard("core.retrieval.lens", said):
            assert (await lenses.of(model)).calibration == PROVISIONAL
            record = await asyncio.to_thread(said.get)
        assert "cannot be calibrated" in record.msg
        assert (await lenses.of(model)).calibration == PROVISIONAL
        with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
            owner.execute("update model set midpoint = 0.45, scale = 0.25, calibrated_at = now()")
        async with asyncio.timeout(10):
            while (await lenses.of(model)).calibration == PROVISIONAL:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        await lenses.close()


def test_every_exam_has_answerable_and_foreign_questions_about_its_own_passages():
    for exam in exams():
        ids = {passage.id for passage in exam.passages}
        named = [question.passage for question in exam.questions]
        assert {name for name in named if name is not None} <= ids
        assert None in named
        assert len(ids) == len(exam.passages)


async def test_shops_are_told_apart_from_the_exams_by_their_ids(database, model_server):
    last = 2**31 - 1
    async with parts(settings_of(database, model_server)) as (db, embedder, _):
        await learn(Learner(db, embedder), PRICES, shop_id=last)
        exam = random.choice(exams())
        assert await examine(db, exam) == await examine(db, exam)
        page = await Learner(db, embedder).page(last, limit=10)
    assert page.total == 1


def test_other_prefixes_are_another_space():
    model = ModelIdentity("m", "d1", 384)
    assert space_name(model) == "d1"
    assert "d1" != space_name(msgspec.structs.replace(model, uncased=True))
    prefixed = {space_name(ModelIdentity("m", "d1", 384, query, passage)) for query, passage in ("ab", "ba", "cd")}
    assert len(prefixed | {"d1"}) == 4


def test_half_is_where_right_and_wrong_answers_are_equally_likely():
    assert similarity(LEXICAL.midpoint, LEXICAL) == 0.5
