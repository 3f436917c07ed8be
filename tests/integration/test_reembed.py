"""A change of model: the old vectors serve until the new ones are all there, and no answer is made of both."""

import asyncio
import contextlib
import json
from functools import partial
from uuid import UUID

import psycopg
import pytest

from core.db.ann import LOCK_KEY, build_indexes
from core.db.names import set_names
from core.db.reembedding import forget_old_vectors
from core.db.shops import ShopReader
from core.errors import ModelUnavailable
from core.knowledge.document import NewPassage
from core.knowledge.spaces import Spaces, space_name
from ops import reembedding
from ops.doctor import health
from ops.doctor import model as model_check
from ops.doctor.box import Box
from ops.doctor.finding import Level
from ops.doctor.vectors import examine
from ops.reembedding import ReembedError
from ops.stack.database import calibrate
from tests.parts.faulty_models import faulty_models, until
from tests.parts.reembedding import command, known, move, vectors_of
from tests.parts.searching import (
    OPENING,
    PARKING,
    PRICES,
    QUESTION,
    SHOP,
    ids_reply,
    learn,
    parts,
    running,
    settings_of,
)

BUSY_SHOP, NEW_SHOP = 8, 9


@pytest.fixture
async def old(database):
    async with faulty_models() as server:
        await known(database, server)
        yield server


@pytest.fixture
async def new(database):
    """Another model of another dimension, under the same name on another server."""
    async with faulty_models() as server:
        server.digest, server.dimensions = "two", 16
        await known(database, server)
        yield server


@pytest.fixture
async def process(database, old):
    """A process of a function, whose settings name the old model all the time."""
    async with running(settings_of(database, old)) as process:
        await learn(process.learner, OPENING, PRICES, PARKING, shop_id=SHOP)
        yield process


@contextlib.asynccontextmanager
async def at_the_same_time(*works):
    """Run these again and again until the block ends; what they raise is raised."""
    done = asyncio.Event()

    async def repeat(work):
        while not done.is_set():
            await work()
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(repeat(work)) for work in works]
    try:
        yield
    finally:
        done.set()
        await asyncio.gather(*tasks)


async def state_of(process, shop_id=SHOP):
    return await ShopReader(process.database).read(shop_id)


async def model_of(process) -> str:
    """The digest of the model that the shop uses, without what is done to texts."""
    return (await state_of(process)).model.digest.partition("+")[0]


async def test_under_traffic_every_answer_is_of_one_model_and_none_fails(process, database, new):
    answers, written = [], []
    before, _ = await process.ask(threshold=0.0)

    async def search():
        found, _ = await process.ask(threshold=0.0)
        answers.append((found.degraded, found.results_json))
        await process.ask(f"{QUESTION} {len(answers)}", threshold=0.0)

    async def write():
        content = f"Passage number {len(written)} of a busy shop."
        await learn(process.learner, content, shop_id=BUSY_SHOP)
        written.append(content)

    async with at_the_same_time(search, write, write):
        await until(lambda: len(answers) > 5 and len(written) > 20)
        summary = await move(database, new)
        seen = len(answers)
        await until(lambda: len(answers) > seen + 5)
    after, _ = await process.ask(threshold=0.0)
    assert sorted(summary.switched) == [SHOP, BUSY_SHOP]
    assert summary.left == []
    assert before.results_json != after.results_json
    kinds = [(None, before.results_json), (None, after.results_json)]
    place = answers.index(kinds[1])
    assert answers == [kinds[0]] * place + [kinds[1]] * (len(answers) - place)
    found = vectors_of(database, BUSY_SHOP)
    assert set(found) == set(written)
    assert [content for content, digests in found.items() if "two" not in digests] == []


async def test_writers_that_are_faster_than_the_new_model_do_not_put_off_the_switch(process, database, new):
    written, moved = [], asyncio.Event()

    async def write():
        """More than a batch for each batch that the new model embeds."""
        seen = len(new.batches)
        await until(lambda: len(new.batches) > seen or moved.is_set())
        contents = [f"Passage number {len(written) + number} of a busy shop." for number in range(40)]
        await learn(process.learner, *contents, shop_id=SHOP)
        written.extend(contents)

    async with at_the_same_time(write):
        summary = await move(database, new)
        moved.set()
    assert summary.switched == [SHOP]
    found = vectors_of(database, SHOP)
    assert set(written) < set(found)
    assert [content for content, digests in found.items() if "two" not in digests] == []


async def test_cached_answers_hold_until_the_switch_and_not_longer(process, database, new):
    await process.ask()
    version = (await state_of(process)).version
    moving = asyncio.create_task(move(database, new, prepared=new.gate.clear))
    await until(lambda: not new.gate.is_set() and new.running)
    assert ((await state_of(process)).version, (await process.ask())[1].cache) == (version, "local")
    new.gate.set()
    await moving
    assert (await state_of(process)).version > version
    assert (await process.ask())[1].cache == "miss"


async def test_a_write_that_was_embedded_before_the_switch_is_embedded_again(process, database, old, new):
    old.gate.clear()
    learning = asyncio.create_task(learn(process.learner, "Late.", shop_id=SHOP))
    await until(lambda: old.running)
    await move(database, new)
    old.gate.set()
    await learning
    assert vectors_of(database, SHOP)["Late."] == {"two"}


async def test_a_passage_that_changes_while_it_is_embedded_gets_the_vectors_of_what_it_says(process, database, new):
    found, _ = await process.ask(threshold=0.0)
    (passage,) = [result.id for result in found.results if result.content == PARKING]
    moving = asyncio.create_task(move(database, new, prepared=new.gate.clear))
    # All three were read at once, and wait for their vectors.
    await until(lambda: not new.gate.is_set() and new.running)
    await process.learner.replace(SHOP, UUID(passage), NewPassage("No parking."), ids_reply)
    new.gate.set()
    await moving
    found, _ = await process.ask("No parking.", threshold=0.9)
    assert [result.content for result in found.results] == ["No parking."]
    assert "No parking." in new.texts


async def test_new_shops_begin_with_the_chosen_model_whatever_settings_say(process, database, new):
    await move(database, new)
    await learn(process.learner, "A new shop opens.", shop_id=NEW_SHOP)
    assert vectors_of(database, NEW_SHOP) == {"A new shop opens.": {"two"}}


async def test_back_again_embeds_only_what_has_come_since(process, database, old, new):
    await move(database, new)
    await learn(process.learner, "Later.", shop_id=SHOP)
    summary = await move(database, old)
    assert (summary.embedded, summary.switched) == (1, [SHOP])
    assert await model_of(process) == "one"


async def test_old_vectors_go_a_while_after_the_switch_and_change_no_answer(process, database, new):
    await move(database, new)
    kept, _ = await process.ask(threshold=0.0)
    version = (await state_of(process)).version
    assert forget_old_vectors(database.owner_dsn) == []
    (line,) = forget_old_vectors(database.owner_dsn, "0 seconds")
    assert line.endswith(f"vectors of shop {SHOP}'s model before")
    assert set().union(*vectors_of(database, SHOP).values()) == {"two"}
    assert forget_old_vectors(database.owner_dsn, "0 seconds") == []
    found, trace = await process.ask(threshold=0.0)
    assert (found, trace.cache) == (kept, "local")
    assert (await state_of(process)).version == version


async def test_vectors_of_a_change_under_way_are_no_old_ones(process, database, old, new):
    await move(database, new)
    steps = asyncio.Queue()
    old.digest = "three"
    await known(database, old)
    await learn(process.learner, *(f"Passage {number}." for number in range(40)), shop_id=SHOP)
    moving = asyncio.create_task(move(database, old, steps.put_nowait))
    await steps.get()
    old.gate.clear()
    forget_old_vectors(database.owner_dsn, "0 seconds")
    old.gate.set()
    assert (await moving).embedded == 43


async def test_an_index_that_the_new_model_does_not_have_is_not_searched(process, database, new):
    with psycopg.connect(database.superuser_dsn) as conn:
        conn.execute("update shop set ann = true where id = %s", [SHOP])
    await move(database, new)
    assert (await state_of(process)).ann is False


async def test_a_large_shop_is_not_switched_without_its_index_while_the_upkeep_builds_others(
    process, database, new, monkeypatch
):
    monkeypatch.setattr(reembedding, "build_indexes", partial(build_indexes, threshold=1))
    build_indexes(database.owner_dsn, threshold=1)
    steps = []
    with psycopg.connect(database.owner_dsn, autocommit=True) as upkeep:
        upkeep.execute("select pg_advisory_lock(%s)", [LOCK_KEY])
        moving = asyncio.create_task(move(database, new, steps.append))
        await until(lambda: steps)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(moving), 1)
        assert "one" == await model_of(process)
    await moving
    assert "two" == await model_of(process)
    state = await state_of(process)
    assert state.ann


@pytest.mark.parametrize("fault", ["NaN", "zeros", "a server error"])
async def test_a_model_without_usable_vectors_moves_nothing(process, database, new, fault):
    new.fault = fault
    with pytest.raises(ModelUnavailable):
        await move(database, new)
    assert await model_of(process) == "one"
    assert vectors_of(database, SHOP)[PRICES] == {"one"}
    await learn(process.learner, "A new shop opens.", shop_id=NEW_SHOP)
    assert vectors_of(database, NEW_SHOP) == {"A new shop opens.": {"one"}}


async def test_a_model_that_finds_badly_moves_nothing_unless_the_operator_insists(process, database, new):
    await known(database, new, worth=0.155)
    refused = await command(database, new)
    out, err = await refused.communicate()
    assert (refused.returncode, out) == (1, b"")
    assert b"all-minilm reaches 0.155, all-minilm, in use, 0.600. Nothing was moved; --anyway" in err
    assert await model_of(process) == "one"
    assert vectors_of(database, SHOP)[PRICES] == {"one"}
    await learn(process.learner, "A new shop opens.", shop_id=NEW_SHOP)
    assert vectors_of(database, NEW_SHOP) == {"A new shop opens.": {"one"}}
    insisted = await command(database, new, "--anyway")
    await insisted.communicate()
    assert insisted.returncode == 0
    assert await model_of(process) == "two"


async def test_a_model_of_random_vectors_is_measured_and_refused(process, database, new):
    new.digest, new.dimensions = "random", 64
    with pytest.raises(ReembedError, match="Nothing was moved"):
        await move(database, new)
    assert await model_of(process) == "one"


@pytest.mark.usefixtures("process")
async def test_a_model_in_use_that_finds_badly_is_told_of_by_the_doctor_and_at_the_start(database, old):
    async def told():
        found = await asyncio.to_thread(lambda: list(examine(Box(settings_of(database, old), database.home))))
        start = await asyncio.to_thread(calibrate, settings_of(database, old))
        return [one.level for one in found], found[0].detail, start

    assert ([Level.OK], "all-minilm, 8 dimensions") == (await told())[::2]
    await known(database, old, worth=0.155)
    levels, detail, start = await told()
    assert [Level.WARNING, Level.OK] == levels
    assert "all-minilm, which 1 shops use, finds the answer, and its score says so, 0.155 of the time" in detail
    assert "WARNING: it finds badly, 0.155" in start


@pytest.mark.usefixtures("process")
async def test_a_model_that_shops_were_moved_to_and_that_is_gone_is_a_fault_with_its_server_and_shops(
    database, old, new
):
    async def told():
        box = Box(settings_of(database, old), database.home)
        found = await asyncio.to_thread(lambda: list(model_check.examine(box)))
        return [one.level for one in found], found[-1].detail, health.embeds_not(box)

    await move(database, new)
    assert ([Level.OK], None) == (await told())[::2]
    new.names = []
    levels, detail, truth = await told()
    assert [Level.OK, Level.FAULT] == levels
    assert f"all-minilm at {new.url} does not embed for shops {SHOP}: the model server does not have" in detail
    assert "all-minilm: the model server does not have the embedding model" == truth
    new.names, new.digest = ["all-minilm:latest"], "another"
    assert "another model is in its place" in (await told())[1]
    await new.stop()
    levels, detail, _ = await told()
    assert ([Level.OK, Level.FAULT], True) == (levels, "the model server does not answer" in detail)
    with psycopg.connect(database.superuser_dsn) as conn:
        conn.execute("update model set url = null")
    assert "all-minilm does not embed for shops 3: it is not the configured one" in (await told())[1]


@pytest.mark.usefixtures("process")
async def test_a_configured_model_that_is_gone_is_told_once_though_shops_use_it(database, old):
    await old.stop()
    found = await asyncio.to_thread(lambda: list(model_check.examine(Box(settings_of(database, old), database.home))))
    assert [Level.FAULT] == [one.level for one in found]


@pytest.mark.usefixtures("process")
async def test_a_model_that_wants_prefixes_is_known_to_the_doctor_as_to_the_functions(database):
    async with faulty_models() as server:
        server.names = ["nomic-embed-text:latest"]
        settings = settings_of(database, server, embed_model="nomic-embed-text", embed_document_prefix="doc: ")
        async with parts(settings) as (db, embedder, _):
            row = await Spaces(db).of(await embedder.identity(), server.url)
        box = Box(settings, database.home)
        assert row.digest == space_name(await asyncio.to_thread(lambda: box.model))


async def test_a_passage_that_the_model_chokes_on_is_named_and_the_shop_stays(process, database, new):
    found, _ = await process.ask(threshold=0.0)
    (passage,) = [result.id for result in found.results if result.content == PRICES]
    new.poison = PRICES
    with pytest.raises(ReembedError, match=f"shop {SHOP}, passage {passage}"):
        await move(database, new)
    found, _ = await process.ask(threshold=0.0)
    assert (found.degraded, await model_of(process)) == (None, "one")


async def test_a_change_that_fails_halfway_says_how_far_it_came_and_both_ways_on(process, database, old, new):
    await learn(process.learner, "A small shop.", shop_id=BUSY_SHOP)
    new.poison = PRICES
    with pytest.raises(ReembedError) as raised:
        await move(database, new)
    assert str(raised.value).endswith(
        "Switched to all-minilm: 1 shops; left with all-minilm: 1. New shops begin with all-minilm. Run the same "
        f"command again to go on, or `edge reembed --to {old.url} all-minilm` to go back"
    )
    back = await command(database, old)
    await back.communicate()
    assert back.returncode == 0
    assert (await state_of(process, BUSY_SHOP)).model.digest.startswith("one")


@pytest.mark.usefixtures("process")
async def test_a_model_that_stops_embedding_in_the_middle_is_blamed_on_no_passage(database, new, monkeypatch):
    monkeypatch.setattr("ops.reembedding.TRY_AGAIN_S", 0.01)

    def stop():
        new.fault = "a server error"

    with pytest.raises(ReembedError) as raised:
        await move(database, new, prepared=stop)
    reason = str(raised.value).splitlines()[0]
    assert reason.startswith("the model server answered with an error"), reason
    assert "passage" not in reason


@pytest.mark.usefixtures("process")
async def test_a_model_that_changes_its_dimension_is_not_said_to_be_down_alone(database, new, monkeypatch):
    monkeypatch.setattr("ops.reembedding.TRY_AGAIN_S", 0.01)

    def change():
        new.dimensions = 32

    with pytest.raises(ReembedError) as raised:
        await move(database, new, prepared=change)
    reason = str(raised.value).splitlines()[0]
    assert not reason.startswith("the model server is down"), reason
    assert "another" in reason or "dimensions" in reason, reason


async def test_a_model_server_that_restarts_does_not_end_it(process, database, new):
    await learn(process.learner, *(f"Passage {number}." for number in range(70)), shop_id=SHOP)
    steps = asyncio.Queue()
    moving = asyncio.create_task(move(database, new, steps.put_nowait))
    await steps.get()
    await new.stop()
    await asyncio.sleep(0)
    await new.start()
    assert (await moving).switched == [SHOP]


async def test_a_command_that_is_killed_goes_on_where_it_was(process, database, new):
    await learn(process.learner, *(f"Passage {number}." for number in range(70)), shop_id=SHOP)
    running_command = await command(database, new)
    await until(lambda: len(new.texts) > 40)
    running_command.kill()
    await running_command.wait()
    before = len(new.texts)
    assert (await process.ask(threshold=0.0))[0].degraded is None
    again = await command(database, new, "--json")
    out, err = await again.communicate()
    assert again.returncode == 0, err
    told = json.loads(out)
    assert (told["model"], told["dimensions"], told["switched"], told["left"]) == ("all-minilm", 16, [SHOP], [])
    assert 0 < told["embedded"] < 73
    assert len(new.texts) - before < 73 + 10


async def test_a_dry_run_says_what_is_left_and_does_nothing(process, database, new):
    done = await command(database, new, "--dry-run", "--json")
    out, err = await done.communicate()
    assert done.returncode == 0, err
    assert json.loads(out)["left"] == [{"shopId": SHOP, "passages": 3, "uses": False, "indexed": False}]
    said = await command(database, new, "--dry-run")
    assert (await said.communicate())[0] == b"3 passages to embed with all-minilm, 1 shops to switch\n"
    assert await model_of(process) == "one"
    assert vectors_of(database, SHOP)[PRICES] == {"one"}


@pytest.mark.usefixtures("process")
async def test_the_doctor_tells_which_shops_wait_and_for_what(database, old, new):
    async def told(server):
        found = await asyncio.to_thread(lambda: list(examine(Box(settings_of(database, server), database.home))))
        return [(one.level, one.detail) for one in found]

    none = [(Level.OK, "no shop waits for vectors of all-minilm")]
    waits = f"shop {SHOP}: vectors of all-minilm are missing of 3 passages; its searches use another model"
    with psycopg.connect(database.owner_dsn) as owner:  # as an import leaves it that was stopped at its begin
        set_names(owner, 4712, ["The Copper Comb"])
    assert none == await told(old)
    assert [(Level.WARNING, waits)] == await told(new)  # settings name it, and nothing was embedded with it yet
    steps = asyncio.Queue()
    moving = asyncio.create_task(move(database, new, steps.put_nowait, prepared=new.gate.clear))
    await until(lambda: not new.gate.is_set() and new.running)
    assert [(Level.WARNING, waits)] == await told(None)  # the one that was chosen, whoever can be reached
    new.gate.set()
    await moving
    assert none == await told(old)
    with psycopg.connect(database.superuser_dsn) as conn:
        conn.execute("select set_config('edge.shop_id', %s, true)", [str(SHOP)])
        conn.execute("delete from passage_vector using passage where passage_id = id and content = %s", [PRICES])
    lost = f"shop {SHOP}: vectors of all-minilm are missing of 1 passages, which are found by words alone"
    assert [(Level.WARNING, lost)] == await told(old)


@pytest.mark.usefixtures("process")
async def test_a_person_is_told_of_each_shop_and_what_to_set(database, new):
    done = await command(database, new)
    out, err = (text.decode() for text in await done.communicate())
    assert done.returncode == 0, err
    assert f"shop {SHOP}: 3 passages embedded, switched\n" in err
    assert f"EDGE_OLLAMA_URL={new.url}" in out


async def test_a_server_with_a_password_is_refused(database):
    class Secret:
        url = "http://user:secret@127.0.0.1:1"

    refused = await command(database, Secret)
    _, err = await refused.communicate()
    assert refused.returncode == 2
    assert b"set that first" in err
    assert b"secret" not in err
