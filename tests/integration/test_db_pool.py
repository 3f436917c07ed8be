"""The pool against a server that is killed, stopped, full, slow and read-only: faults are caused, not mocked.

Timeouts are far longer than the tests may take wherever the point is that nobody waits for them.
"""

import asyncio
import contextlib
import secrets
import signal
import socket
import time

import msgspec
import psutil
import psycopg
import pytest

from core.db.keys import create_key
from core.db.migrate import migrate
from core.errors import DatabaseUnavailable
from core.settings import Settings
from functions import learn, search
from tests.parts.faulty_models import faulty_models
from tests.parts.full_disk import full_disk
from tests.parts.functions import is_problem, serving
from tests.parts.knowledge import opened, teach
from tests.parts.postgres import running_server

LONG_S = 90.0
# What does not compress: 24 MiB.
FILLS_A_DISK = """
insert into idempotency (shop_id, key_hash, request_hash, status, response)
select %s, sha256(number::text::bytea), sha256(''::bytea), 200,
    (select string_agg(sha256(concat(number, ' ', part)::bytea), ''::bytea) from generate_series(1, 32768) as part)
from generate_series(1, 24) as number
"""
ACTIVE = "select pid from pg_stat_activity where state = 'active' and query like %s and pid <> pg_backend_pid()"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server of this module's own, to be ill-treated."""
    with running_server(tmp_path_factory.mktemp("pool")) as server:
        migrate(server.owner_dsn)
        yield server


@pytest.fixture
def settings(server):
    return Settings(
        database_url=server.owner_dsn, database_app_url=server.app_dsn, database_pool=2, database_timeout_s=LONG_S
    )


def processes(server):
    """The postmaster and all its children."""
    postmaster = psutil.Process(server.process.pid)
    return [postmaster, *postmaster.children(recursive=True)]


def kill(server):
    for process in processes(server):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    server.process.wait()


def start(server):
    server.start()
    server.wait_ready()


async def backend_of(server, query):
    """The pid of the backend that is running a query, as soon as it is."""
    async with await psycopg.AsyncConnection.connect(server.dsn("postgres"), autocommit=True) as conn:
        while True:
            async for (pid,) in await conn.execute(ACTIVE, [f"%{query}%"]):
                return pid


def as_superuser(server, statement):
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as conn:
        return conn.execute(statement).fetchall() if statement.startswith("select") else conn.execute(statement)


def end_sessions(server):
    # With a timeout it returns when they have ended, not when they have been told to.
    as_superuser(server, "select pg_terminate_backend(pid, 30000) from pg_stat_activity where usename = 'edge_app'")


async def test_a_function_starts_while_the_database_is_down_and_uses_it_when_it_comes(server, settings):
    server.stop()
    try:
        async with opened(settings) as database:
            for _ in range(3):
                with pytest.raises(DatabaseUnavailable):
                    await database.ping()
            start(server)
            await database.ping()
    finally:
        if server.process is None:
            start(server)


async def test_requests_of_the_time_when_the_database_is_down_fail_at_once_all_of_them(server, settings):
    async with opened(settings) as database:
        await database.ping()
        kill(server)
        try:
            failures = await asyncio.gather(*(database.read(1, "select 1") for _ in range(50)), return_exceptions=True)
            assert {type(failure) for failure in failures} == {DatabaseUnavailable}
        finally:
            start(server)
        await database.ping()


async def test_a_killed_and_restarted_server_is_used_again_by_the_next_request(server, settings):
    async with opened(settings) as database:
        await asyncio.gather(*(database.read(1, "select pg_sleep(0.01)") for _ in range(4)))
        kill(server)
        start(server)
        assert await database.read(1, "select 1") == [(1,)]
        kill(server)
        start(server)
        async with database.shop(1) as conn:
            await conn.execute("select 1")


async def test_sessions_that_the_server_ended_are_not_met_by_anybody(server, settings):
    async with opened(settings) as database:
        await asyncio.gather(*(database.read(1, "select pg_sleep(0.01)") for _ in range(4)))
        end_sessions(server)
        async with database.shop(1) as conn:  # not retried: it has to be right the first time
            await conn.execute("select 1")
        assert await asyncio.gather(*(database.read(1, "select 1") for _ in range(20))) == [[(1,)]] * 20


async def test_a_read_whose_session_ends_under_it_is_made_again(server, settings):
    async with opened(settings) as database:
        reading = asyncio.create_task(database.read(1, "select 'again', pg_sleep(0.5)"))
        as_superuser(server, f"select pg_terminate_backend({await backend_of(server, 'again')})")
        assert await reading == [("again", "")]


async def test_a_write_whose_session_ends_under_it_fails_and_leaves_nothing(server, settings):
    async with opened(settings) as database:
        await teach(database, 7, ["what was there before"])

        async def write():
            async with database.shop(7) as conn:
                await conn.execute("delete from passage")
                as_superuser(server, f"select pg_terminate_backend({conn.info.backend_pid})")
                await conn.execute("select 1")

        with pytest.raises(DatabaseUnavailable):
            await write()
        assert await database.read(7, "select content from passage") == [("what was there before",)]


async def test_a_slow_statement_is_ended_and_its_connection_goes_on(settings):
    async with opened(settings, database_pool=1, database_timeout_s=0.2) as database:
        [(before,)] = await database.read(None, "select pg_backend_pid()")
        with pytest.raises(DatabaseUnavailable, match="too long") as caught:
            await database.read(1, "select pg_sleep(60)")
        assert caught.value.retry_after_s >= 1
        assert await database.read(None, "select pg_backend_pid()") == [(before,)]


async def test_a_bulk_write_has_more_time_than_a_request_and_leaves_none_of_it_behind(settings):
    async with opened(settings, database_pool=1, database_timeout_s=2) as database:
        async with database.shop(1, bulk=True) as conn:
            assert await (await conn.execute("show statement_timeout")).fetchone() == ("8s",)
            assert conn.limit_s > 8
        async with database.shop(1) as conn:
            assert await (await conn.execute("show statement_timeout")).fetchone() == ("2s",)
            assert 2 < conn.limit_s < 8


async def test_a_request_waits_for_a_connection_no_longer_than_the_timeout(settings):
    async with opened(settings, database_pool=1, database_timeout_s=0.4) as database, database.shop(1):
        with pytest.raises(DatabaseUnavailable):
            await database.ping()
    async with opened(settings, database_pool=1) as database:
        assert await database.read(None, "select 1") == [(1,)]


async def test_a_server_that_stops_in_the_middle_is_hung_up_on_and_used_when_it_goes_on(server, settings):
    async with opened(settings, database_timeout_s=20) as database:
        await database.ping()
        stopped = processes(server)
        for process in stopped:
            process.send_signal(signal.SIGSTOP)
        try:
            # Much sooner than a statement's own time, which a slow one has, is over.
            async with asyncio.timeout(15):
                failures = await asyncio.gather(
                    *(database.read(1, "select 1") for _ in range(8)), return_exceptions=True
                )
                assert {type(failure) for failure in failures} == {DatabaseUnavailable}
                # From now on nobody waits for it at all, as long as it is silent.
                asked_until = time.monotonic() + 3
                while time.monotonic() < asked_until:
                    assert 8 == await refused_of_eight(database)
        finally:
            for process in reversed(stopped):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGCONT)
        await until_answered(database)


async def test_a_statement_that_is_slow_has_its_time_while_the_server_speaks(settings):
    async with opened(settings, database_pool=1) as database:
        slow = asyncio.create_task(database.read(1, "select 1 from pg_sleep(2)"))
        waiting = asyncio.create_task(database.read(1, "select 2"))
        assert ([(1,)], [(2,)]) == (await slow, await waiting)


async def test_a_loop_that_stood_still_is_no_fault_of_the_server(settings):
    async with opened(settings, database_timeout_s=1.0) as database:
        await database.ping()
        reading = asyncio.create_task(database.read(None, "select 1"))
        await asyncio.sleep(0)  # sent
        time.sleep(2.5)  # noqa: ASYNC251 - longer than anyone waits for the server, whose answer is there meanwhile
        assert [(1,)] == await reading


async def refused_of_eight(database):
    """How many of eight reads at once are refused without a try; each round yields to the loop."""
    tries = await asyncio.gather(*(database.read(1, "select 1") for _ in range(8)), return_exceptions=True)
    return sum("does not answer" in failure.detail for failure in tries)


async def until_answered(database):
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(DatabaseUnavailable):
                return await database.ping()
            await asyncio.sleep(0.05)


async def test_a_server_that_accepts_and_says_nothing_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = Settings(
            database_app_url=f"postgresql://edge_app@127.0.0.1:{silent.getsockname()[1]}/edge", database_timeout_s=0.3
        )
        async with opened(settings) as database:
            for _ in range(3):
                with pytest.raises(DatabaseUnavailable):
                    await database.ping()


async def test_a_server_without_a_free_connection_is_unavailable_until_it_has_one(server, settings):
    end_sessions(server)
    as_superuser(server, "alter role edge_app connection limit 0")
    try:
        async with opened(settings) as database:
            with pytest.raises(DatabaseUnavailable):
                await database.ping()
            as_superuser(server, "alter role edge_app connection limit 1")
            # One of the two that the pool wants: it makes do.
            assert await asyncio.gather(*(database.read(1, "select 1") for _ in range(10))) == [[(1,)]] * 10
    finally:
        as_superuser(server, "alter role edge_app connection limit -1")


async def test_a_server_that_takes_no_writes_still_answers_reads(server, settings):
    as_superuser(server, "alter role edge_app set default_transaction_read_only = on")
    try:
        async with opened(settings) as database:
            assert await database.read(1, "select 1") == [(1,)]
            with pytest.raises(DatabaseUnavailable, match="no writes"):
                async with database.shop(1) as conn:
                    await conn.execute("delete from passage")
    finally:
        as_superuser(server, "alter role edge_app reset default_transaction_read_only")


async def test_a_full_disk_refuses_the_write_and_nothing_else(server, settings):
    async with opened(settings) as database:
        await teach(database, 5, ["We open at nine."])
        server.stop()
        with full_disk(17 << 20):  # its log consists of files of 16 MiB
            start(server)
        with pytest.raises(DatabaseUnavailable, match="no writes"):
            async with database.shop(5) as conn:
                await conn.execute(FILLS_A_DISK, [5])
        assert await database.read(5, "select content from passage") == [("We open at nine.",)]
        server.stop()
        start(server)
        await teach(database, 5, ["We close at six."])
        assert await database.read(5, "select count(*) from passage") == [(2,)]
        assert await database.read(5, "select count(*) from idempotency") == [(0,)]


# Up to what one file may have: 64 KiB a row that do not compress.
FILLS_A_TABLE = """
do $$ begin
    perform set_config('session_replication_role', 'replica', true);
    insert into shop (id) values (11);
    while pg_relation_size((select reltoastrelid from pg_class where relname = 'passage')) < 17 * 1048576 - 131072 loop
        insert into passage (shop_id, id, content)
        select 11, gen_random_uuid(), string_agg(md5(random()::text), '') from generate_series(1, 2048);
    end loop;
end $$
"""


async def test_on_a_full_disk_a_write_is_a_503_and_searches_go_on(server, settings, tmp_path):
    async with faulty_models() as models, opened(settings) as database:
        await teach(database, 5, ["We open at nine."])
        of = msgspec.structs.replace(settings, home=tmp_path, ollama_url=models.url)
        as_superuser(server, FILLS_A_TABLE)
        server.stop()
        with full_disk(17 << 20):
            start(server)
        long = {"shopId": 11, "content": " ".join(secrets.token_hex(1024) for _ in range(8))}
        with psycopg.connect(server.owner_dsn, autocommit=True) as owner:
            _, key = create_key(owner, name="test", shop_id=11)
        async with (
            serving(learn.create_app(of), headers={"authorization": f"Bearer {key}"}) as teacher,
            serving(search.create_app(of)) as client,
        ):
            answers = [await teacher.post("/api/knowledge/learn", json=long) for _ in range(20)]
            assert is_problem(answers[-1], 503, "database-unavailable")
            assert int(answers[-1].headers["retry-after"]) >= 1
            question = {"shopId": 5, "query": "When do you open?", "threshold": 0}
            assert 200 == (await client.post("/api/knowledge/search", json=question)).status_code
            server.stop()
            start(server)
            async with asyncio.timeout(30):
                while not (await teacher.post("/api/knowledge/learn", json=long)).is_success:  # noqa: ASYNC110 - only asking tells
                    await asyncio.sleep(0.05)


async def test_a_reader_that_goes_away_leaves_a_sound_pool(server, settings):
    async with opened(settings, database_pool=1) as database:
        for _ in range(3):
            reading = asyncio.create_task(database.read(1, "select pg_sleep(60) as abandoned"))
            await backend_of(server, "abandoned")
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            assert await database.read(None, "select coalesce(current_setting('edge.shop_id', true), '')") == [("",)]


async def test_a_writer_that_goes_away_leaves_nothing_and_a_sound_pool(server, settings):
    async with opened(settings, database_pool=1) as database:
        await teach(database, 8, ["what was there before"])

        async def write():
            async with database.shop(8) as conn:
                await conn.execute("delete from passage")
                await conn.execute("select pg_sleep(60) as abandoned")

        writing = asyncio.create_task(write())
        await backend_of(server, "abandoned")
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert await database.read(8, "select content from passage") == [("what was there before",)]


async def test_a_defect_is_not_dressed_up_as_a_database_that_is_away(settings):
    async with opened(settings) as database:
        with pytest.raises(psycopg.errors.SyntaxError):
            await database.read(1, "selec 1")
        with pytest.raises(psycopg.errors.DivisionByZero):
            async with database.shop(1) as conn:
                await conn.execute("select 1 / 0")


async def test_the_detail_of_an_error_tells_nothing_of_the_server(server, settings):
    async with opened(settings) as database:
        kill(server)
        try:
            with pytest.raises(DatabaseUnavailable) as caught:
                await database.ping()
        finally:
            start(server)
    assert str(server.socket_dir) not in caught.value.detail
    assert "edge_app" not in caught.value.detail
    assert isinstance(caught.value.__cause__, psycopg.Error)
