"""A shop's searches use the vectors of one model, wherever that is; where it is nowhere, words must do."""

import psycopg
import pytest

from core.db.shops import ShopReader
from core.errors import ModelUnavailable
from core.knowledge.reach import probe_used
from core.retrieval.similarity import LEXICAL, similarity
from tests.parts.faulty_models import faulty_models
from tests.parts.searching import OPENING, PARKING, PRICES, SHOP, learn, running, settings_of

WORDS = "haircut wash"


@pytest.fixture
async def first():
    """A model server whose model the shop's passages are embedded with."""
    async with faulty_models() as server:
        yield server


@pytest.fixture
async def second():
    """Another server, with another model of another dimension under the same name."""
    async with faulty_models() as server:
        server.digest, server.dimensions = "two", 16
        yield server


async def taught(database, server):
    async with running(settings_of(database, server)) as process:
        await learn(process.learner, OPENING, PRICES, PARKING, shop_id=SHOP)


async def by_words(process) -> None:
    """What a search answers whose shop's model is nowhere: by words, said so, judged as words are, kept nowhere."""
    for _ in range(2):
        found, trace = await process.ask(WORDS)
        assert [result.content for result in found.results] == [PRICES]
        assert found.results[0].similarity == similarity(1.0, LEXICAL)
        assert (found.degraded, trace.degraded, trace.cache) == ("embeddings", "embeddings", "miss")


async def test_a_model_that_is_not_configured_any_more_is_asked_where_it_was_seen(database, first, second):
    await taught(database, first)
    async with running(settings_of(database, second)) as process:
        found, _ = await process.ask(WORDS, threshold=0.0)
        assert (found.degraded, found.count) == (None, 3)
        assert (await process.ask(WORDS, threshold=0.0))[1].cache == "local"
    assert WORDS in first.texts
    assert WORDS not in second.texts


async def test_what_is_learned_gets_vectors_of_the_model_that_the_shop_uses(database, first, second):
    await taught(database, first)
    async with running(settings_of(database, second)) as process:
        await learn(process.learner, "A shave costs 15.", shop_id=SHOP)
        found, _ = await process.ask("shave", threshold=0.0)
        assert (found.degraded, found.count) == (None, 4)
    assert "A shave costs 15." in first.texts
    assert "A shave costs 15." not in second.texts


async def test_a_shop_whose_model_is_gone_is_searched_by_words(database, first, second):
    await taught(database, first)
    await first.stop()
    async with running(settings_of(database, second)) as process:
        await by_words(process)
        await first.start()
        found, _ = await process.ask(WORDS, threshold=0.0)
        assert (found.degraded, found.count) == (None, 3)


async def test_another_model_behind_the_same_name_takes_no_part_in_a_search(database, first):
    await taught(database, first)
    first.digest = "two"
    async with running(settings_of(database, first)) as process:
        await by_words(process)


async def test_a_shop_whose_model_was_replaced_goes_on_learning(database, first):
    await taught(database, first)
    first.digest = "two"
    async with running(settings_of(database, first)) as process:
        await learn(process.learner, "A shave costs 15.", shop_id=SHOP)
        found, _ = await process.ask("shave costs")
        assert (found.degraded, found.results[0].content) == ("embeddings", "A shave costs 15.")


async def test_a_model_that_is_replaced_while_a_process_runs_takes_no_part(database, first):
    async with running(settings_of(database, first)) as process:
        await learn(process.learner, OPENING, PRICES, PARKING, shop_id=SHOP)
        assert (await process.ask("haircut", threshold=0.0))[0].degraded is None
        first.digest, first.dimensions = "two", 16
        await by_words(process)


async def test_a_passage_without_vectors_is_judged_by_its_words_beside_others(database, model_server):
    async with running(settings_of(database, model_server)) as process:
        await learn(process.learner, OPENING, PRICES, PARKING, shop_id=SHOP)
        (bare,) = await learn(process.learner, "Beard oil is sold at the counter.", shop_id=SHOP)
        with psycopg.connect(database.superuser_dsn) as conn:
            conn.execute("select set_config('edge.shop_id', %s, true)", [str(SHOP)])
            conn.execute("delete from passage_vector where passage_id = %s", [bare])
        found, _ = await process.ask("beard oil", threshold=0.0)
        assert (found.degraded, found.results[0].id) == (None, bare)
        assert found.results[0].similarity == similarity(1.0, LEXICAL)
        assert [result.similarity for result in found.results] == sorted(
            (result.similarity for result in found.results), reverse=True
        )


async def test_a_password_of_a_model_server_is_not_kept(database, first):
    async with running(settings_of(database, first)) as process:
        await learn(process.learner, OPENING, shop_id=SHOP)
        state = await ShopReader(process.database).read(SHOP)
        assert state.model.url == first.url
        spaces = process.learner._embedding._spaces
        spaces._known.clear()
        await spaces.of(await process.learner._embedding._embedder.identity(), "http://user:secret@models.example")
        assert (await ShopReader(process.database).read(SHOP)).model.url == first.url


async def test_the_models_that_shops_use_are_probed_and_no_other(database, first, second):
    await taught(database, first)
    async with running(settings_of(database, second)) as process:
        await second.stop()
        await probe_used(process.database, process.searcher._embedder)
    await first.stop()
    await second.start()
    async with running(settings_of(database, second)) as process:
        with pytest.raises(ModelUnavailable):
            await probe_used(process.database, process.searcher._embedder)
