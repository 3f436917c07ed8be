"""Row-level security, tried as edge_app itself: another shop's rows are out of reach, and no shop means no rows."""

import psycopg
import pytest
from psycopg import sql
from uuid_utils.compat import uuid7

from core.db.documents import Stored, swap_documents
from core.db.dsn import application_conninfo
from core.db.facts import append
from core.db.idempotency import Recorded, record
from core.db.passages import Passage, get_passage, insert_passages
from core.settings import Settings
from tests.parts.knowledge import DIGEST, opened, teach, unit

TALK = (
    *("conversation", "message", "feedback", "correction", "voice_transcript", "learning_queue", "passage_history"),
    *("handoff", "handoff_event", "shop_contact", "conversation_user"),
)
OF_A_SHOP = ("document", "passage", "passage_vector", "posting", "term", "idempotency", "fact", *TALK)
# No rows of theirs: whose a key, an id and a tenant of imports is.
WITHOUT_SECRETS = {"api_key", "place", "tenant"}
WRITABLE = ("document", "passage", "passage_vector", "idempotency")
HASH = b"h" * 32
ROW = "0198f5b2-7c1e-7d43-9a50-3f6a1c2b4d5e"


@pytest.fixture(scope="module")
async def shops(module_database):
    """Shop 1 and shop 2, each with rows in every table."""
    async with opened(module_database.settings) as database:
        for shop_id in (1, 2):
            await teach(database, shop_id, [f"the haircut of shop number {shop_id}"])
            async with database.shop(shop_id) as conn:
                await record(conn, shop_id, "key", HASH, Recorded(200, b"{}"))
                await append(conn, shop_id, {}, restores=None, key_id=None)
                document = Stored(uuid7(), "a.md", "", HASH, [(Passage(uuid7(), "a beard trim"), [unit(1)])])
                await swap_documents(conn, shop_id, DIGEST, [document])
            with psycopg.connect(module_database.superuser_dsn) as conn:
                for statement in TALKED:
                    conn.execute(statement, {"shop": shop_id, "id": ROW})
    return module_database


TALKED = (
    "insert into conversation (shop_id, id, created_at, updated_at) values (%(shop)s, %(id)s, now(), now())",
    (
        "insert into message (shop_id, conversation_id, id, role, content, created_at)"
        " values (%(shop)s, %(id)s, %(id)s, 'user', 'hello', now())"
    ),
    (
        "insert into feedback (shop_id, id, conversation_id, feedback_type, created_at)"
        " values (%(shop)s, %(id)s, %(id)s, 'thumbs_up', now())"
    ),
    (
        "insert into correction (shop_id, id, conversation_id, original_response, corrected_answer, priority)"
        " values (%(shop)s, %(id)s, %(id)s, 'a', 'b', 'low')"
    ),
    "insert into voice_transcript (shop_id, id, transcript) values (%(shop)s, %(id)s, 'spoken')",
    (
        "insert into learning_queue (shop_id, id, source_type, source_id, proposed_content)"
        " values (%(shop)s, %(id)s, 'voice', %(id)s, 'proposed')"
    ),
    (
        "insert into passage_history (shop_id, id, passage_id, learning_queue_id, applied, changed_by)"
        " values (%(shop)s, %(id)s, %(id)s, %(id)s, 'text', 'Ada')"
    ),
    "insert into handoff (shop_id, id, conversation_id, token_hash) values (%(shop)s, %(id)s, %(id)s, sha256('t'))",
    (
        "insert into handoff_event (shop_id, handoff_id, number, kind, author, status, content)"
        " values (%(shop)s, %(id)s, 1, 'message', 'visitor', 'waiting', 'hello')"
    ),
    "insert into shop_contact (shop_id, email) values (%(shop)s, 'owner@shop.example')",
    "insert into conversation_user (shop_id, conversation_id, user_id) values (%(shop)s, %(id)s, 'ada')",
)


def as_app(shops, shop_id=None):
    conn = psycopg.connect(shops.app_dsn)
    conn.execute("select set_config('edge.shop_id', %s, true)", ["" if shop_id is None else str(shop_id)])
    return conn


def owner_tables(shops):
    with psycopg.connect(shops.owner_dsn) as conn:
        return conn.execute(
            "select c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relowner::regrole::text,"
            " exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'shop_id')"
            " from pg_class c where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
        ).fetchall()


async def test_every_table_of_a_shop_forces_row_level_security_and_the_application_owns_none(shops):
    tables = {
        name: (enabled, forced, owner) for name, enabled, forced, owner, of_shop in owner_tables(shops) if of_shop
    }
    assert set(tables) == {*OF_A_SHOP, *WITHOUT_SECRETS}
    assert {name: tables[name] for name in OF_A_SHOP} == dict.fromkeys(OF_A_SHOP, (True, True, "edge_owner"))


async def test_the_application_role_cannot_bypass_row_level_security(shops):
    with psycopg.connect(shops.superuser_dsn) as conn:
        found = conn.execute(
            "select rolsuper, rolbypassrls, rolcreatedb, rolcreaterole from pg_roles where rolname = 'edge_app'"
        ).fetchone()
    assert found == (False, False, False, False)


@pytest.mark.parametrize("table", OF_A_SHOP)
@pytest.mark.parametrize("shop_id", [1, 2])
async def test_a_shop_sees_its_own_rows_only(shops, table, shop_id):
    with as_app(shops, shop_id) as conn:
        found = conn.execute(sql.SQL("select distinct shop_id from {}").format(sql.Identifier(table))).fetchall()
    assert found == [(shop_id,)]


@pytest.mark.parametrize("table", OF_A_SHOP)
async def test_without_a_shop_no_row_is_visible(shops, table):
    with psycopg.connect(shops.app_dsn) as never_set, as_app(shops) as empty:
        query = sql.SQL("select count(*) from {}").format(sql.Identifier(table))
        assert never_set.execute(query).fetchone() == (0,)
        assert empty.execute(query).fetchone() == (0,)


@pytest.mark.parametrize("table", OF_A_SHOP)
async def test_a_shop_that_is_no_number_is_an_error(shops, table):
    with as_app(shops, "1 or true") as conn, pytest.raises(psycopg.errors.InvalidTextRepresentation):
        conn.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table)))


INSERTS = {
    "document": "insert into document (shop_id, id, file) values (2, gen_random_uuid(), 'planted')",
    "passage": "insert into passage (shop_id, id, content) values (2, gen_random_uuid(), 'planted')",
    "passage_vector": "insert into passage_vector (shop_id, model_id, ordinal, passage_id, embedding)"
    " select 2, id, 7, gen_random_uuid(), '[1,0,0,0,0,0,0,0]' from model",
    "idempotency": "insert into idempotency values (2, sha256('x'), sha256('x'), 200, 'x')",
}


@pytest.mark.parametrize("statement", TALKED[:-1])
async def test_what_another_shop_said_cannot_be_inserted(shops, statement):
    with as_app(shops, 1) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement, {"shop": 2, "id": "0198f5b2-7c1e-7d43-9a50-3f6a1c2b4d5f"})


async def test_an_id_tells_its_first_shop_and_nothing_else(shops):
    with as_app(shops) as conn:
        assert (1,) == conn.execute("select shop_of('conversation', %s)", [ROW]).fetchone()
        assert (None,) == conn.execute("select shop_of('conversation', gen_random_uuid())").fetchone()


@pytest.mark.parametrize("table", WRITABLE)
@pytest.mark.parametrize("shop_id", [1, None])
async def test_another_shops_rows_cannot_be_inserted(shops, table, shop_id):
    with as_app(shops, shop_id) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(INSERTS[table])


async def test_another_shops_rows_cannot_be_updated(shops):
    with as_app(shops, 1) as conn:
        assert conn.execute("update passage set content = content where shop_id = 2").rowcount == 0


async def test_a_row_cannot_be_moved_to_another_shop(shops):
    with as_app(shops, 1) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("update passage set shop_id = 2")


@pytest.mark.parametrize("table", WRITABLE)
async def test_another_shops_rows_cannot_be_deleted(shops, table):
    with as_app(shops, 1) as conn:
        gone = conn.execute(sql.SQL("delete from {} where shop_id = 2").format(sql.Identifier(table)))
        assert gone.rowcount == 0
        conn.rollback()


@pytest.mark.parametrize(
    "change", ["update passage set content = content", "delete from passage", "delete from passage_vector"]
)
async def test_writes_without_a_shop_are_refused(shops, change):
    with as_app(shops) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege, match="no shop is set"):
        conn.execute(change)


@pytest.mark.parametrize(
    "statement",
    [
        "update shop set version = 0",
        "insert into shop (id) values (3)",
        "delete from shop",
        "update posting set lexeme = 'x'",
        "insert into posting select * from posting",
        "delete from posting",
        "update term set df = 1",
        "delete from term",
        "update model set midpoint = 0",
        "insert into model (digest, name, dimensions) values ('d', 'n', 1)",
        "delete from model",
        "update idempotency set status = 201",
        "update passage set id = gen_random_uuid()",
        "update passage set created_at = now()",
        "update passage_vector set embedding = embedding",
        "update passage_vector set ordinal = ordinal + 1",
        "update passage_vector set passage_id = gen_random_uuid()",
        "select * from api_key",
        "insert into api_key (id, name, secret_hash) values (gen_random_uuid(), 'n', sha256('s'))",
        "delete from api_key",
        "update document set hash = null",
        "select * from tenant",
        "insert into tenant (name, shop_id) values ('mine', 2)",
        "select * from edge_migration",
        "truncate passage",
        "create table mine ()",
        "create temporary table passage ()",
        "alter table passage no force row level security",
        "drop policy of_shop on passage",
        "set session authorization edge_owner",
        "set role edge_owner",
        "set session_replication_role = replica",
        "copy passage to program 'cat'",
        "select raise_version()",
        "select * from place",
        "delete from conversation",
        "delete from message",
        "update message set content = 'x'",
        "update feedback set rating = 5",
        "update correction set corrected_answer = 'x'",
        "update learning_queue set proposed_content = 'x'",
        "delete from passage_history",
        "update handoff set token_hash = sha256('mine')",
        "update handoff_event set content = 'x'",
        "insert into shop_contact (shop_id, email) values (1, 'me@evil.example')",
        "update shop_contact set webhook_url = 'http://169.254.169.254/'",
    ],
)
async def test_the_application_may_do_nothing_else(shops, statement):
    with (
        as_app(shops, 1) as conn,
        pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported)),
    ):
        conn.execute(statement)


async def test_turning_row_level_security_off_is_an_error_not_a_way_around(shops):
    with as_app(shops, 1) as conn:
        conn.execute("set row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            conn.execute("select * from passage")


async def test_an_id_of_another_shop_cannot_be_found_out_by_colliding_with_it(shops):
    async with opened(shops.settings) as database:
        [(taken,), _] = await database.read(2, "select id from passage order by content desc")
        async with database.shop(1) as conn:
            await insert_passages(conn, 1, DIGEST, [(Passage(taken, "the same id in shop one"), [unit(1)])])
        assert (await get_passage(database, 1, taken)).content == "the same id in shop one"
        assert (await get_passage(database, 2, taken)).content == "the haircut of shop number 2"


async def test_the_owner_is_bound_too(shops):
    with psycopg.connect(shops.owner_dsn) as conn:
        assert conn.execute("select count(*) from passage").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="no shop is set"):
            conn.execute("delete from passage")


@pytest.mark.parametrize("app_login", [True, False], ids=["own login", "owner who becomes edge_app"])
async def test_functions_run_as_edge_app(shops, app_login):
    settings = shops.settings if app_login else Settings(database_url=shops.owner_dsn)
    async with opened(settings) as database:
        assert await database.read(None, "select current_user::text") == [("edge_app",)]
        assert await database.read(None, "select count(*) from passage") == [(0,)]
        assert await database.read(2, "select distinct shop_id from passage") == [(2,)]
    assert ("edge_app" in application_conninfo(settings).split("options", 1)[1]) is not app_login


NOBODY = [("", 0)]
WHO = "select coalesce(current_setting('edge.shop_id', true), ''), (select count(*) from passage)"


async def test_a_read_leaves_no_shop_behind_on_its_connection(shops):
    async with opened(shops.settings, database_pool=1) as database:
        assert (await database.read(1, WHO))[0][0] == "1"
        assert await database.read(None, WHO) == NOBODY
        assert (await database.read(2, WHO))[0][0] == "2"


async def test_a_read_that_fails_leaves_no_shop_behind(shops):
    async with opened(shops.settings, database_pool=1) as database:
        for broken in ("select 1 / 0", "select nothing_of_the_kind", "selec"):
            with pytest.raises(psycopg.Error):
                await database.read(1, broken)
            assert await database.read(None, WHO) == NOBODY


async def test_a_transaction_leaves_no_shop_behind_committed_or_rolled_back(shops):
    async with opened(shops.settings, database_pool=1) as database:
        async with database.shop(1) as conn:
            await conn.execute("select 1")
        assert await database.read(None, WHO) == NOBODY
        with pytest.raises(ZeroDivisionError):
            async with database.shop(1) as conn:
                raise ZeroDivisionError
        assert await database.read(None, WHO) == NOBODY
        with pytest.raises(psycopg.errors.DivisionByZero):
            async with database.shop(1) as conn:
                await conn.execute("select 1 / 0")
        assert await database.read(None, WHO) == NOBODY
